/* SPDX-License-Identifier: MIT */
/* amp_net.h -- stream sockets by address: HOST:PORT, [HOST]:PORT, :PORT, /PATH. */
#ifndef TUBES_STAGES_AMP_NET_H
#define TUBES_STAGES_AMP_NET_H

#include <tubes/error.h>

#include <stdbool.h>
#include <sys/socket.h>

enum { AMP_ADDRESSES = 8 };

/** What a name stands for. */
typedef struct amp_address {
    struct sockaddr_storage at[AMP_ADDRESSES];
    socklen_t len[AMP_ADDRESSES];
    int n;
} amp_address;

/**
 * Look an address up.
 *
 * @param listen  without a host it is any of this machine, else this machine itself
 * @return TUBE_ECONFIG  not of that form
 *         TUBE_EREACH   there is no such host
 *
 * Threads: any.  Blocks: as the system's resolver does.
 */
tube_status tubei_amp_resolve(const char *text, bool listen, amp_address *a,
                              tube_error *err) TUBE_NODISCARD;

/** A socket that listens at address `i`, not blocking; -1: see errno.  A path where
 * nobody listens is made anew.  Threads: any.  Blocks: no. */
int tubei_amp_listen(const amp_address *a, int i);

/** A socket that is on its way to address `i`, not blocking; -1: see errno.
 * Threads: any.  Blocks: no. */
int tubei_amp_connect(const amp_address *a, int i);

/** A connection that was accepted, not blocking; -1: see errno.  Threads: any. */
int tubei_amp_accept(int listener);

#endif /* TUBES_STAGES_AMP_NET_H */
