/* A proxy in front of a Postgres server, in a thread of the test, that knows the protocol's
 * messages and does one thing to the nth of them: cuts, swallows, holds, splits. What it does
 * depends on counts alone, so that a test can go through every message in turn. No TLS: say
 * sslmode=disable. */
#ifndef WIRE_PROXY_H
#define WIRE_PROXY_H

#include <stdint.h>

/* Whose messages are counted. */
enum { WIRE_CLIENT, WIRE_SERVER };

enum {
    WIRE_NOTHING,
    WIRE_CUT_BEFORE, /* the receiver never sees it, and both sides lose the connection */
    WIRE_CUT_AFTER,  /* the server sees it, and finishes what it ends; the client hears no answer */
    WIRE_HOLE,       /* from it on everything vanishes, both ways; the connection stays open */
    WIRE_DEAD,       /* the same, and new connections vanish in it, too */
    WIRE_HALF_CLOSE, /* the receiver sees the end of the stream; the other direction goes on */
    WIRE_DELAY,      /* it is held for delay_us, and what follows it */
    WIRE_SPLIT,      /* from it on each byte is sent alone */
    WIRE_REFUSE,     /* as WIRE_CUT_BEFORE, and new connections are turned away */
    WIRE_FORGE       /* a Sync is kept from the server and answered as if it had committed: what a
                        client would see that swallows the error of a commit. Plants a bug */
};

typedef struct wire_fault {
    int32_t kind;
    int32_t from; /* WIRE_CLIENT, WIRE_SERVER */
    uint64_t nth; /* 1: the next message */
    int64_t delay_us;
} wire_fault;

typedef struct wire_proxy wire_proxy;

/* Listen on a free port of the loopback interface, in front of a server there. Aborts when there is
 * no memory or no port, as everything here does. */
wire_proxy *wire_proxy_new(int port);
int wire_proxy_port(const wire_proxy *proxy);
/* Ends every connection. */
void wire_proxy_free(wire_proxy *proxy);

/* Do this to the nth message that comes from now on, once. */
void wire_proxy_arm(wire_proxy *proxy, const wire_fault *fault);
/* The network is well again: what is held or in a hole is cut, and new connections go through.
 * Returns when the server has finished whatever it was sent on connections that were hit, so that
 * its rows do not change any more; whether the fault had struck. */
int wire_proxy_heal(wire_proxy *proxy);
/* The messages on the counted side between the last two: arm and heal. */
uint64_t wire_proxy_seen(wire_proxy *proxy);
/* Cut all connections, as a restart of a firewall does. */
void wire_proxy_cut(wire_proxy *proxy);

#endif
