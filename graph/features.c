/* SPDX-License-Identifier: MIT */
/* features.c -- which parts this build has. */
#include <tubes/tubes.h>

#ifdef TUBES_HAVE_ZLIB
#  include <zlib.h>
#  define ZLIB_ON true, ZLIB_VERSION
#else
#  define ZLIB_ON false, ""
#endif

#ifdef TUBES_HAVE_ZSTD
#  include <zstd.h>
#  define ZSTD_ON true, ZSTD_VERSION_STRING
#else
#  define ZSTD_ON false, ""
#endif

#ifndef TUBES_PQ_VERSION
#  define TUBES_PQ_VERSION ""
#endif
#ifndef TUBES_SQLITE_VERSION
#  define TUBES_SQLITE_VERSION ""
#endif

static const tube_feature features[] = {
    { "postgres", true, TUBES_PQ_VERSION, "libpq-dev" },
    { "sqlite", true, TUBES_SQLITE_VERSION, "libsqlite3-dev" },
    { "gzip", ZLIB_ON, "zlib1g-dev" },
    { "zstd", ZSTD_ON, "libzstd-dev" },
    { NULL, false, NULL, NULL },
};

const tube_feature *
tube_features(void)
{
    return features;
}
