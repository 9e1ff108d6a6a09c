/* SPDX-License-Identifier: MIT */
/* hops_gst.cc -- see hops_peers.h.  Elements of GStreamer's core only; a queue in the middle,
 * for the second core, makes it slower. */
#include "hops_peers.h"

#include <chrono>
#include <cstdio>
#include <gst/gst.h>
#include <string>

namespace
{

/* True: the end of the stream came. */
bool
play(GstElement *pipeline)
{
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *m = nullptr;

    if (gst_element_set_state(pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
        m = gst_bus_timed_pop_filtered(
            bus, GST_CLOCK_TIME_NONE,
            static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    const bool end = m != nullptr && GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS;
    if (m != nullptr)
        gst_message_unref(m);
    gst_object_unref(bus);
    return end;
}

} /* namespace */

double
bench_gst(std::uint64_t buffers)
{
    std::string text =
        "fakesrc sizetype=empty silent=true num-buffers=" + std::to_string(buffers);
    GError *err = nullptr;
    GstElement *pipeline = nullptr;

    for (int i = 0; i < 5; i++)
        text += " ! identity silent=true signal-handoffs=false";
    text += " ! fakesink silent=true sync=false enable-last-sample=false";
    if (gst_init_check(nullptr, nullptr, &err) != FALSE)
        pipeline = gst_parse_launch(text.c_str(), &err);
    if (pipeline == nullptr || err != nullptr) {
        std::fprintf(stderr, "hops: GStreamer: %s\n",
                     err != nullptr ? err->message : "does not start");
        g_clear_error(&err);
        return -1;
    }
    const auto start = std::chrono::steady_clock::now();
    const bool end = play(pipeline);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    (void)gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    return end ? took.count() : -1;
}
