// What Swift cannot import from <microhttpd.h> itself: libmicrohttpd's variadic calls, wrapped one by one, and the
// walk over the header fields of a request, done here so that a request costs one call across the boundary.
#pragma once
#include <microhttpd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/// Shape of MHD_RequestCompletedCallback; the termination code is a plain integer so that a code of a newer library
/// is no invalid enumeration value in Swift.
typedef void (*microhttpd_completed_callback)(void *context, struct MHD_Connection *connection,
                                              void **request_context, unsigned int termination);
/// Shape of MHD_NotifyConnectionCallback, `event` 0 for an opened and 1 for a closed connection.
typedef void (*microhttpd_connection_callback)(void *context, struct MHD_Connection *connection,
                                               void **connection_context, unsigned int event);
/// Shape of the callback that sees the raw request target; what it returns becomes the request's context.
typedef void *(*microhttpd_target_callback)(void *context, const char *target, struct MHD_Connection *connection);
/// Shape of MHD_AccessHandlerCallback; answers 1 to go on and 0 to close the connection.
typedef enum MHD_Result (*microhttpd_handler_callback)(void *context, struct MHD_Connection *connection,
                                                       const char *url, const char *method, const char *version,
                                                       const char *upload, size_t *upload_size,
                                                       void **request_context);
/// Receives one line of libmicrohttpd's own log.
typedef void (*microhttpd_log_callback)(void *context, const char *format, va_list arguments);

struct microhttpd_settings {
    int listen_socket;
    unsigned int threads;
    unsigned int connection_limit;
    unsigned int connection_limit_per_address;
    unsigned int inactivity_seconds;
    size_t memory_per_connection;
    void *context;
    microhttpd_handler_callback handler;
    microhttpd_target_callback target;
    microhttpd_completed_callback completed;
    microhttpd_connection_callback connection;
    microhttpd_log_callback log;
};

/// Targets are decoded by the server after they were split; the library leaves them alone.
static size_t microhttpd_keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
    (void)context;
    (void)connection;
    return strlen(text);
}

/// Starts a daemon with an epoll thread pool whose connections can be suspended. NULL where the system refuses.
static inline struct MHD_Daemon *microhttpd_start(const struct microhttpd_settings *settings) {
    struct MHD_OptionItem items[14];
    int count = 0;
#define MICROHTTPD_OPTION(name, number, pointer) \
    items[count++] = (struct MHD_OptionItem) { name, (intptr_t)(number), (void *)(pointer) }
    MICROHTTPD_OPTION(MHD_OPTION_EXTERNAL_LOGGER, settings->log, settings->context);
    MICROHTTPD_OPTION(MHD_OPTION_LISTEN_SOCKET, settings->listen_socket, NULL);
    // A pool of one thread is refused with a warning; without the option there is one thread anyway.
    if (settings->threads > 1)
        MICROHTTPD_OPTION(MHD_OPTION_THREAD_POOL_SIZE, settings->threads, NULL);
    MICROHTTPD_OPTION(MHD_OPTION_CONNECTION_LIMIT, settings->connection_limit, NULL);
    if (settings->connection_limit_per_address > 0)
        MICROHTTPD_OPTION(MHD_OPTION_PER_IP_CONNECTION_LIMIT, settings->connection_limit_per_address, NULL);
    MICROHTTPD_OPTION(MHD_OPTION_CONNECTION_TIMEOUT, settings->inactivity_seconds, NULL);
    MICROHTTPD_OPTION(MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings->memory_per_connection, NULL);
    MICROHTTPD_OPTION(MHD_OPTION_NOTIFY_COMPLETED, settings->completed, settings->context);
    MICROHTTPD_OPTION(MHD_OPTION_NOTIFY_CONNECTION, settings->connection, settings->context);
    MICROHTTPD_OPTION(MHD_OPTION_URI_LOG_CALLBACK, settings->target, settings->context);
    MICROHTTPD_OPTION(MHD_OPTION_UNESCAPE_CALLBACK, &microhttpd_keep_escapes, NULL);
    MICROHTTPD_OPTION(MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL);
    MICROHTTPD_OPTION(MHD_OPTION_END, 0, NULL);
#undef MICROHTTPD_OPTION
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
                            NULL, settings->handler, settings->context, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

/// Connections that the daemon holds now, over all its threads.
static inline unsigned int microhttpd_open_connections(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info == NULL ? 0 : info->num_connections;
}

/// What the connection callback stored for this connection, or NULL.
static inline void *microhttpd_connection_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/// The connection's socket, or -1.
static inline int microhttpd_connection_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

/// Has a body of unknown length end with the connection instead of coming in chunks.
static inline int microhttpd_end_with_connection(struct MHD_Response *response) {
    return MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END) == MHD_YES;
}

/// One header field, pointing into the connection's memory.
struct microhttpd_field {
    const char *name;
    size_t name_size;
    const char *value;
    size_t value_size;
};

struct microhttpd_fields {
    struct microhttpd_field *fields;
    size_t capacity;
    size_t count;
};

static enum MHD_Result microhttpd_collect_field(void *context, enum MHD_ValueKind kind, const char *name,
                                                size_t name_size, const char *value, size_t value_size) {
    struct microhttpd_fields *all = (struct microhttpd_fields *)context;
    (void)kind;
    if (all->count < all->capacity)
        all->fields[all->count] =
            (struct microhttpd_field) { name, name_size, value == NULL ? "" : value, value_size };
    all->count++;
    return MHD_YES;
}

/// Writes at most `capacity` header fields of the request and answers how many there are.
static inline size_t microhttpd_header_fields(struct MHD_Connection *connection, struct microhttpd_field *fields,
                                              size_t capacity) {
    struct microhttpd_fields all = { fields, capacity, 0 };
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, &microhttpd_collect_field, &all);
    return all.count;
}

/// What the kernel knows of a TCP connection.
struct microhttpd_progress {
    int closed_by_peer;
    uint64_t bytes_received;
    uint64_t bytes_acknowledged;
};

/// Reads the kernel's `struct tcp_info` by its stable offsets (<linux/tcp.h> and <netinet/tcp.h> exclude each other,
/// and the latter's structure ends before the byte counts). Answers 0 where the kernel does not tell.
static inline int microhttpd_progress_of(int socket, struct microhttpd_progress *progress) {
    unsigned char info[256];
    socklen_t size = sizeof info;
    if (getsockopt(socket, 6 /* IPPROTO_TCP */, 11 /* TCP_INFO */, info, &size) != 0 || size < 136)
        return 0;
    // TCP_CLOSE is 7, TCP_CLOSE_WAIT 8.
    progress->closed_by_peer = info[0] == 7 || info[0] == 8;
    memcpy(&progress->bytes_acknowledged, info + 120, sizeof(uint64_t));
    memcpy(&progress->bytes_received, info + 128, sizeof(uint64_t));
    return 1;
}

/// Formats one line of the library's log, cut to the size of the buffer, and answers its length.
static inline size_t microhttpd_format(char *buffer, size_t size, const char *format, va_list arguments) {
    int length = vsnprintf(buffer, size, format, arguments);
    if (length < 0)
        return 0;
    return (size_t)length < size ? (size_t)length : size - 1;
}
