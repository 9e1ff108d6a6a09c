/* SPDX-License-Identifier: MIT */
/* socket.h -- addresses, and sockets that never block: listening and connecting.
 *
 *   tcp:HOST:PORT    a name, 127.0.0.1, [::1]; to listen also * and port 0
 *   unix:PATH        a socket in the file system
 */
#ifndef TUBES_STAGES_SOCKET_H
#define TUBES_STAGES_SOCKET_H

#include <tubes/stage.h>

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#define TUBEI_ADDRESS_HELP "tcp:HOST:PORT or unix:PATH"

typedef struct tubei_address {
    struct sockaddr_storage any;
    socklen_t len;
    const char *text; /**< as given (borrowed) */
    const char *path; /**< of a Unix socket; NULL: TCP */
} tubei_address;

/**
 * Understand an address; names are looked up.
 *
 * @param text       must outlive `a` (borrowed)
 * @param listening  what can only be listened at is allowed
 * @return TUBE_ECONFIG  no such form
 *         TUBE_EREACH   the name is not known
 *
 * Threads: any.  Blocks: while the name is looked up.
 */
tube_status tubei_address_read(tubei_address *a, const char *text, bool listening,
                               tube_error *err);

/** A listening socket and, if it is one, its file. */
typedef struct tubei_listener {
    int fd;           /**< -1: none */
    const char *path; /**< NULL: TCP */
    dev_t dev;
    ino_t ino;
} tubei_listener;

/**
 * Listen.  The file of a Unix socket at which nobody listens is replaced, no other.
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_listener_open(tubei_listener *l, const tubei_address *a,
                                tube_error *err);

/** Where it listens, as text that tubei_address_read() understands; "" if unknown. */
void tubei_listener_name(const tubei_listener *l, char *to, size_t room);

/** Close; the file goes if it is still the listener's. */
void tubei_listener_close(tubei_listener *l);

/** A connection that is made, step by step, by the stage that waits for it. */
typedef struct tubei_dialer {
    const tubei_address *to;
    uint64_t timeout; /**< ns, of each attempt */
    int fd;           /**< -1: none */
    bool connected;
    uint64_t until; /* of this attempt; 0: none was begun */
} tubei_dialer;

/** Not connected yet. */
void tubei_dialer_init(tubei_dialer *d, const tubei_address *to, uint64_t timeout);

/**
 * Go on connecting.
 *
 * @return TUBE_OK      d->fd is connected
 *         TUBE_AGAIN   the stage now waits for its descriptor and a deadline
 *         TUBE_EREACH  it did not work; the next call begins anew
 *
 * Threads: the stage's.  Blocks: no.
 */
tube_status tubei_dialer_step(tube_stage *s, tubei_dialer *d, tube_error *err);

/** Close the connection, if there is one. */
void tubei_dialer_close(tube_stage *s, tubei_dialer *d);

#endif /* TUBES_STAGES_SOCKET_H */
