/* The wire fault proxy. One thread owns all connections; the test speaks to it through one request
 * at a time, which it answers when it is done. */
#include "wire_proxy.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PAIR_MAX = 64,
    CHUNK_SIZE = 16384,
    START_SIZE = 8,  /* length and code of a client's first message */
    HEADER_SIZE = 5, /* type and length of any other */
    CANCEL_CODE = 80877102,
    MESSAGE_MAX = 1 << 26
};

enum { REQUEST_NONE, REQUEST_ARM, REQUEST_HEAL, REQUEST_CUT, REQUEST_STOP };

typedef struct wire_buffer {
    unsigned char *data;
    size_t size;
    size_t capacity;
} wire_buffer;

/* What flows in one direction. */
typedef struct wire_stream {
    int in;            /* -1: closed, or its end was read */
    int out;           /* -1: closed */
    wire_buffer read;  /* not yet a whole message */
    wire_buffer write; /* on its way */
    int is_started;    /* the message without a type has passed */
    int is_swallowed;  /* messages vanish */
    int is_split;
    int is_closing; /* the receiver is to see the end once everything is written */
    int64_t held_until_us;
} wire_stream;

typedef struct wire_pair {
    int is_used;
    int is_cancel;
    int is_hole;            /* neither side hears of the other's end */
    int is_hit;             /* by the fault */
    int is_ending;          /* to be closed once the server owes no answer */
    int owed;               /* answers that end in ReadyForQuery */
    int forges;             /* the answer to a Sync that the server was not sent */
    wire_stream streams[2]; /* by who speaks */
} wire_pair;

struct wire_proxy {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    int request; /* under the lock */
    int answer;
    uint64_t answer_seen;
    wire_fault next;
    int wake[2];
    int listener;
    int port;
    int server_port;
    /* the thread's alone */
    wire_fault fault;
    uint64_t seen;
    int has_fired;
    int is_dead;
    int refuses;
    int heals;
    wire_pair pairs[PAIR_MAX];
};

static void stop(const char *what) {
    perror(what);
    abort();
}

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void buffer_add(wire_buffer *buffer, const void *data, size_t size) {
    if (buffer->size + size > buffer->capacity) {
        size_t capacity = (buffer->size + size) * 2;
        unsigned char *grown = realloc(buffer->data, capacity);
        if (grown == NULL) stop("wire proxy");
        buffer->data = grown;
        buffer->capacity = capacity;
    }
    if (size > 0) memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

static void buffer_take(wire_buffer *buffer, size_t size) {
    memmove(buffer->data, buffer->data + size, buffer->size - size);
    buffer->size -= size;
}

static uint32_t read_number(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void set_nonblocking(int descriptor) {
    int one = 1;
    if (fcntl(descriptor, F_SETFL, O_NONBLOCK) != 0) stop("wire proxy");
    (void)fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* --- connections ------------------------------------------------------------------------------ */

/* The ends of a side are its stream's in and the other stream's out: one descriptor. */
static void close_side(wire_pair *pair, int side) {
    int descriptor =
        pair->streams[side].in >= 0 ? pair->streams[side].in : pair->streams[1 - side].out;
    pair->streams[side].in = -1;
    pair->streams[1 - side].out = -1;
    pair->streams[1 - side].write.size = 0;
    if (descriptor >= 0) close(descriptor);
}

static void free_pair(wire_pair *pair) {
    for (int side = 0; side < 2; side++) {
        close_side(pair, side);
        free(pair->streams[side].read.data);
        free(pair->streams[side].write.data);
    }
    memset(pair, 0, sizeof *pair);
}

static int connect_server(const wire_proxy *proxy) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)proxy->server_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0) return -1;
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
    close(descriptor);
    return -1;
}

static void accept_client(wire_proxy *proxy) {
    int client = accept(proxy->listener, NULL, NULL);
    if (client < 0) return;
    wire_pair *pair = NULL;
    for (size_t i = 0; i < PAIR_MAX && pair == NULL; i++)
        if (!proxy->pairs[i].is_used) pair = &proxy->pairs[i];
    int server = pair == NULL || proxy->refuses || proxy->is_dead ? -1 : connect_server(proxy);
    if (pair == NULL || (server < 0 && !proxy->is_dead)) {
        close(client);
        return;
    }
    set_nonblocking(client);
    if (server >= 0) set_nonblocking(server);
    *pair = (wire_pair){.is_used = 1,
                        .is_hole = proxy->is_dead,
                        .is_hit = proxy->is_dead,
                        .streams = {{.in = client, .out = server, .is_swallowed = proxy->is_dead},
                                    {.in = server, .out = client, .is_started = 1}}};
}

/* Once nothing is left to be said: the end is passed on, and what has ended is freed. */
static void settle_pair(wire_pair *pair) {
    for (int side = 0; side < 2; side++) {
        wire_stream *stream = &pair->streams[side];
        if (!stream->is_closing || stream->write.size > 0 || stream->out < 0) continue;
        (void)shutdown(stream->out, SHUT_WR);
        stream->is_closing = 0;
        stream->is_swallowed = 1;
    }
    const wire_stream *to_server = &pair->streams[WIRE_CLIENT];
    const wire_stream *to_client = &pair->streams[WIRE_SERVER];
    if (pair->is_ending && to_client->write.size == 0) close_side(pair, WIRE_CLIENT);
    const int is_client_gone = to_server->in < 0 && to_client->out < 0;
    const int is_server_gone = to_client->in < 0 && to_server->out < 0;
    if (pair->is_hole && !pair->is_ending) return;
    if (is_server_gone && to_client->write.size == 0) {
        free_pair(pair);
        return;
    }
    /* A commit needs no Sync: only a server that has gone has done all it was sent. */
    if (is_client_gone && to_server->write.size == 0 && pair->owed == 0)
        (void)shutdown(to_server->out, SHUT_WR);
}

/* --- the fault -------------------------------------------------------------------------------- */

static void put_message(wire_pair *pair, int side, size_t size) {
    wire_stream *stream = &pair->streams[side];
    const unsigned char *data = stream->read.data;
    const int is_first = !stream->is_started;
    const char type = is_first ? '\0' : (char)data[0];
    if (side == WIRE_CLIENT && !pair->is_cancel && (is_first || type == 'S' || type == 'Q'))
        pair->owed++;
    if (stream->out >= 0) buffer_add(&stream->write, data, size);
}

/* In the place of a Sync the server gets a Flush, so that it answers, and something harmless whose
 * answer is known to be the last. */
static void forge_sync(wire_pair *pair) {
    static const unsigned char messages[] = {'C', 0, 0, 0, 8, 'S', 'n', 'o', 0, 'H', 0, 0, 0, 4};
    pair->forges = 1;
    buffer_add(&pair->streams[WIRE_CLIENT].write, messages, sizeof messages);
}

static void strike(wire_proxy *proxy, wire_pair *pair, int side, size_t size) {
    wire_stream *stream = &pair->streams[side];
    const wire_fault *fault = &proxy->fault;
    const char type = stream->is_started ? (char)stream->read.data[0] : '\0';
    proxy->has_fired = 1;
    pair->is_hit = 1;
    switch (fault->kind) {
    case WIRE_REFUSE:
        proxy->refuses = 1;
        /* fall through */
    case WIRE_CUT_BEFORE:
        pair->streams[0].is_swallowed = pair->streams[1].is_swallowed = 1;
        pair->is_ending = 1;
        break;
    case WIRE_CUT_AFTER:
        put_message(pair, side, size);
        pair->streams[0].is_swallowed = pair->streams[1].is_swallowed = 1;
        pair->is_ending = 1;
        break;
    case WIRE_DEAD:
        proxy->is_dead = 1;
        /* fall through */
    case WIRE_HOLE:
        pair->streams[0].is_swallowed = pair->streams[1].is_swallowed = 1;
        pair->is_hole = 1;
        break;
    case WIRE_HALF_CLOSE:
        stream->is_closing = 1;
        stream->is_swallowed = 1;
        break;
    case WIRE_DELAY:
        put_message(pair, side, size);
        stream->held_until_us = now_us() + fault->delay_us;
        break;
    case WIRE_SPLIT:
        put_message(pair, side, size);
        stream->is_split = 1;
        break;
    case WIRE_FORGE:
        if (type == 'S')
            forge_sync(pair);
        else
            put_message(pair, side, size);
        break;
    default:
        put_message(pair, side, size);
    }
}

/* After the answer to what was harmless: the client is told that all is well. */
static int forges_answer(wire_pair *pair, char type) {
    static const unsigned char ready[] = {'Z', 0, 0, 0, 5, 'I'};
    if (!pair->forges || type != '3') return 0;
    buffer_add(&pair->streams[WIRE_SERVER].write, ready, sizeof ready);
    pair->is_ending = 1;
    pair->streams[0].is_swallowed = pair->streams[1].is_swallowed = 1;
    return 1;
}

/* --- messages --------------------------------------------------------------------------------- */

/* The size of the first message in the buffer, 0 while it is not whole. */
static size_t message_size(const wire_stream *stream) {
    const size_t header = stream->is_started ? HEADER_SIZE : START_SIZE;
    if (stream->read.size < header) return 0;
    const uint32_t length = read_number(stream->read.data + stream->is_started);
    if (length < 4 || length > MESSAGE_MAX) {
        fprintf(stderr, "wire proxy: a message of %u bytes\n", (unsigned)length);
        abort();
    }
    const size_t size = length + (size_t)stream->is_started;
    return stream->read.size < size ? 0 : size;
}

static void pass_message(wire_proxy *proxy, wire_pair *pair, int side, size_t size) {
    wire_stream *stream = &pair->streams[side];
    const char type = stream->is_started ? (char)stream->read.data[0] : '\0';
    if (!stream->is_started && read_number(stream->read.data + 4) == CANCEL_CODE)
        pair->is_cancel = 1;
    if (side == WIRE_SERVER && type == 'Z' && pair->owed > 0) pair->owed--;
    const wire_fault *fault = &proxy->fault;
    const int is_counted = fault->kind != WIRE_NOTHING && !proxy->has_fired && !pair->is_cancel &&
                           fault->from == side && !stream->is_swallowed && type != 'X' &&
                           (fault->kind != WIRE_FORGE || type == 'S');
    if (is_counted && ++proxy->seen == fault->nth)
        strike(proxy, pair, side, size);
    else if (!stream->is_swallowed && !(side == WIRE_SERVER && forges_answer(pair, type)))
        put_message(pair, side, size);
    stream->is_started = 1;
    buffer_take(&stream->read, size);
}

static void pass_messages(wire_proxy *proxy, wire_pair *pair, int side) {
    wire_stream *stream = &pair->streams[side];
    if (stream->held_until_us > 0) return;
    for (size_t size = message_size(stream); size > 0; size = message_size(stream)) {
        pass_message(proxy, pair, side, size);
        if (stream->held_until_us > 0) return;
    }
}

static void read_stream(wire_proxy *proxy, wire_pair *pair, int side) {
    wire_stream *stream = &pair->streams[side];
    unsigned char chunk[CHUNK_SIZE];
    ssize_t got = recv(stream->in, chunk, sizeof chunk, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got > 0) {
        buffer_add(&stream->read, chunk, (size_t)got);
        pass_messages(proxy, pair, side);
        return;
    }
    /* The end of one side is the end of both, unless a hole lies between. */
    close_side(pair, side);
    if (side == WIRE_SERVER) pair->owed = 0;
    if (!pair->is_hole && side == WIRE_SERVER) pair->is_ending = 1;
}

static void write_stream(wire_pair *pair, int side) {
    wire_stream *stream = &pair->streams[side];
    if (stream->held_until_us > now_us()) return;
    stream->held_until_us = 0;
    while (stream->out >= 0 && stream->write.size > 0) {
        size_t size = stream->is_split ? 1 : stream->write.size;
        ssize_t sent = send(stream->out, stream->write.data, size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (sent < 0) {
            close_side(pair, 1 - side);
            if (side == WIRE_CLIENT) pair->owed = 0;
            return;
        }
        buffer_take(&stream->write, (size_t)sent);
    }
}

/* --- the thread ------------------------------------------------------------------------------- */

static void end_pairs(wire_proxy *proxy, int only_hit) {
    for (size_t i = 0; i < PAIR_MAX; i++) {
        wire_pair *pair = &proxy->pairs[i];
        if (!pair->is_used || (only_hit && !pair->is_hit)) continue;
        pair->is_ending = 1;
        for (int side = 0; side < 2; side++) {
            pair->streams[side].held_until_us = 0;
            if (!only_hit) pair->streams[side].is_swallowed = 1;
        }
    }
}

static int has_ending(const wire_proxy *proxy) {
    for (size_t i = 0; i < PAIR_MAX; i++)
        if (proxy->pairs[i].is_used && proxy->pairs[i].is_ending) return 1;
    return 0;
}

static void begin_request(wire_proxy *proxy) {
    switch (proxy->request) {
    case REQUEST_ARM:
        proxy->fault = proxy->next;
        proxy->seen = 0;
        proxy->has_fired = 0;
        break;
    case REQUEST_HEAL:
        proxy->is_dead = 0;
        proxy->refuses = 0;
        proxy->fault.kind = WIRE_NOTHING;
        end_pairs(proxy, 1);
        break;
    case REQUEST_CUT:
        end_pairs(proxy, 0);
        break;
    default:
        break;
    }
}

/* Returns whether the thread is to end. */
static int serve_request(wire_proxy *proxy) {
    char bytes[16];
    while (read(proxy->wake[0], bytes, sizeof bytes) > 0) {}
    pthread_mutex_lock(&proxy->lock);
    const int request = proxy->request;
    if (request != REQUEST_NONE && !proxy->heals) begin_request(proxy);
    const int waits = request == REQUEST_HEAL || request == REQUEST_CUT;
    proxy->heals = waits && has_ending(proxy);
    if (request != REQUEST_NONE && !proxy->heals) {
        proxy->answer = proxy->has_fired;
        proxy->answer_seen = proxy->seen;
        proxy->request = REQUEST_NONE;
        pthread_cond_signal(&proxy->answered);
    }
    pthread_mutex_unlock(&proxy->lock);
    return request == REQUEST_STOP;
}

static size_t list_polled(const wire_proxy *proxy, struct pollfd *polled, int *out_timeout) {
    size_t count = 0;
    int64_t now = now_us();
    *out_timeout = -1;
    polled[count++] = (struct pollfd){.fd = proxy->wake[0], .events = POLLIN};
    polled[count++] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
    for (size_t i = 0; i < PAIR_MAX; i++)
        for (int side = 0; side < 2; side++) {
            const wire_pair *pair = &proxy->pairs[i];
            const wire_stream *in = &pair->streams[side];
            const wire_stream *out = &pair->streams[1 - side];
            short events = 0;
            int descriptor = in->in >= 0 ? in->in : out->out;
            if (in->in >= 0 && in->held_until_us == 0) events |= POLLIN;
            if (out->write.size > 0 && out->held_until_us <= now) events |= POLLOUT;
            if (!pair->is_used || events == 0) descriptor = -1;
            polled[count++] = (struct pollfd){.fd = descriptor, .events = events};
            if (!pair->is_used || in->held_until_us == 0) continue;
            int64_t left = in->held_until_us > now ? (in->held_until_us - now + 999) / 1000 : 0;
            if (*out_timeout < 0 || left < *out_timeout) *out_timeout = (int)left;
        }
    return count;
}

static void serve_pair(wire_proxy *proxy, wire_pair *pair, const struct pollfd *polled) {
    for (int side = 0; side < 2; side++) {
        wire_stream *stream = &pair->streams[side];
        if (stream->held_until_us > 0 && stream->held_until_us <= now_us()) {
            stream->held_until_us = 0;
            pass_messages(proxy, pair, side);
        }
        if (stream->in >= 0 && stream->in == polled[side].fd &&
            (polled[side].revents & (POLLIN | POLLHUP | POLLERR)))
            read_stream(proxy, pair, side);
    }
    for (int side = 0; side < 2; side++) write_stream(pair, side);
    settle_pair(pair);
}

static void *serve(void *context) {
    wire_proxy *proxy = context;
    struct pollfd polled[2 + 2 * PAIR_MAX];
    int is_stopped = 0;
    while (!is_stopped) {
        int timeout = -1;
        size_t count = list_polled(proxy, polled, &timeout);
        if (poll(polled, (nfds_t)count, timeout) < 0 && errno != EINTR) stop("wire proxy");
        for (size_t i = 0; i < PAIR_MAX; i++)
            if (proxy->pairs[i].is_used) serve_pair(proxy, &proxy->pairs[i], &polled[2 + 2 * i]);
        if (polled[1].revents & POLLIN) accept_client(proxy);
        if ((polled[0].revents & POLLIN) || proxy->heals) is_stopped = serve_request(proxy);
        for (size_t i = 0; i < PAIR_MAX; i++)
            if (proxy->pairs[i].is_used) settle_pair(&proxy->pairs[i]);
        if (proxy->heals) is_stopped = serve_request(proxy);
    }
    return NULL;
}

/* --- the test's side -------------------------------------------------------------------------- */

static int ask(wire_proxy *proxy, int request) {
    static const char byte = 1;
    pthread_mutex_lock(&proxy->lock);
    proxy->request = request;
    if (write(proxy->wake[1], &byte, 1) != 1) stop("wire proxy");
    while (proxy->request != REQUEST_NONE) pthread_cond_wait(&proxy->answered, &proxy->lock);
    int answer = proxy->answer;
    pthread_mutex_unlock(&proxy->lock);
    return answer;
}

static void listen_anywhere(wire_proxy *proxy) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    proxy->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (proxy->listener < 0 || bind(proxy->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(proxy->listener, PAIR_MAX) != 0 ||
        getsockname(proxy->listener, (struct sockaddr *)&address, &size) != 0)
        stop("wire proxy");
    set_nonblocking(proxy->listener);
    proxy->port = ntohs(address.sin_port);
}

wire_proxy *wire_proxy_new(int port) {
    wire_proxy *proxy = calloc(1, sizeof *proxy);
    if (proxy == NULL || pipe(proxy->wake) != 0) stop("wire proxy");
    for (int i = 0; i < 2; i++) {
        (void)fcntl(proxy->wake[i], F_SETFL, O_NONBLOCK);
        (void)fcntl(proxy->wake[i], F_SETFD, FD_CLOEXEC);
    }
    proxy->server_port = port;
    listen_anywhere(proxy);
    if (pthread_mutex_init(&proxy->lock, NULL) != 0 ||
        pthread_cond_init(&proxy->answered, NULL) != 0 ||
        pthread_create(&proxy->thread, NULL, serve, proxy) != 0)
        stop("wire proxy");
    return proxy;
}

int wire_proxy_port(const wire_proxy *proxy) {
    return proxy->port;
}

void wire_proxy_free(wire_proxy *proxy) {
    (void)ask(proxy, REQUEST_STOP);
    pthread_join(proxy->thread, NULL);
    for (size_t i = 0; i < PAIR_MAX; i++)
        if (proxy->pairs[i].is_used) free_pair(&proxy->pairs[i]);
    close(proxy->listener);
    close(proxy->wake[0]);
    close(proxy->wake[1]);
    pthread_mutex_destroy(&proxy->lock);
    pthread_cond_destroy(&proxy->answered);
    free(proxy);
}

void wire_proxy_arm(wire_proxy *proxy, const wire_fault *fault) {
    pthread_mutex_lock(&proxy->lock);
    proxy->next = *fault;
    pthread_mutex_unlock(&proxy->lock);
    (void)ask(proxy, REQUEST_ARM);
}

int wire_proxy_heal(wire_proxy *proxy) {
    return ask(proxy, REQUEST_HEAL);
}

uint64_t wire_proxy_seen(wire_proxy *proxy) {
    pthread_mutex_lock(&proxy->lock);
    uint64_t seen = proxy->answer_seen;
    pthread_mutex_unlock(&proxy->lock);
    return seen;
}

void wire_proxy_cut(wire_proxy *proxy) {
    (void)ask(proxy, REQUEST_CUT);
}
