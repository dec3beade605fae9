// ONNX Runtime's C API, as much of it as is used. Its library is opened at run time, where there is one, and hands out a
// table of functions whose places never change: new ones are put behind the old (onnxruntime_c_api.h, OrtApi). The wheel
// has no header, so the places stand here; ONNXRuntimeLibrary tries them before it trusts them.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct ort_status;
struct ort_environment;
struct ort_options;
struct ort_session;
struct ort_type;
struct ort_tensor_type;
struct ort_memory;
struct ort_allocator;
struct ort_value;

typedef const void *const *ort_api;

struct ort_base {
    ort_api (*api)(uint32_t version);
    const char *(*version)(void);
};

// Element types, as in ONNX's TensorProto.DataType.
enum ort_element {
    ORT_FLOAT = 1, ORT_UINT8, ORT_INT8, ORT_UINT16, ORT_INT16, ORT_INT32, ORT_INT64, ORT_STRING, ORT_BOOL, ORT_FLOAT16,
    ORT_DOUBLE, ORT_UINT32, ORT_UINT64, ORT_BFLOAT16 = 16
};

// A function of the table that gives a status, NULL when all went well; the caller frees it.
#define ORT_FUNCTION(place, name, parameters, arguments)                                                               \
    static inline struct ort_status *ort_##name parameters {                                                           \
        return ((struct ort_status * (*)ORT_WITHOUT_API parameters) api[place])arguments;                              \
    }
#define ORT_WITHOUT_API(api, ...) (__VA_ARGS__)

ORT_FUNCTION(6, disable_telemetry, (ort_api api, const struct ort_environment *environment), (environment))
ORT_FUNCTION(8, create_session,
             (ort_api api, const struct ort_environment *environment, const void *model, size_t size,
              const struct ort_options *options, struct ort_session **session),
             (environment, model, size, options, session))
ORT_FUNCTION(9, run,
             (ort_api api, struct ort_session *session, const void *run_options, const char *const *input_names,
              const struct ort_value *const *inputs, size_t input_count, const char *const *output_names,
              size_t output_count, struct ort_value **outputs),
             (session, run_options, input_names, inputs, input_count, output_names, output_count, outputs))
ORT_FUNCTION(10, create_options, (ort_api api, struct ort_options **options), (options))
ORT_FUNCTION(13, set_execution_mode, (ort_api api, struct ort_options *options, int mode), (options, mode))
ORT_FUNCTION(17, disable_memory_pattern, (ort_api api, struct ort_options *options), (options))
ORT_FUNCTION(19, disable_arena, (ort_api api, struct ort_options *options), (options))
ORT_FUNCTION(22, set_log_severity, (ort_api api, struct ort_options *options, int level), (options, level))
ORT_FUNCTION(23, set_optimization, (ort_api api, struct ort_options *options, int level), (options, level))
ORT_FUNCTION(24, set_threads_inside, (ort_api api, struct ort_options *options, int count), (options, count))
ORT_FUNCTION(25, set_threads_between, (ort_api api, struct ort_options *options, int count), (options, count))
ORT_FUNCTION(30, input_count, (ort_api api, const struct ort_session *session, size_t *count), (session, count))
ORT_FUNCTION(31, output_count, (ort_api api, const struct ort_session *session, size_t *count), (session, count))
ORT_FUNCTION(33, input_type,
             (ort_api api, const struct ort_session *session, size_t index, struct ort_type **type),
             (session, index, type))
ORT_FUNCTION(34, output_type,
             (ort_api api, const struct ort_session *session, size_t index, struct ort_type **type),
             (session, index, type))
ORT_FUNCTION(36, input_name,
             (ort_api api, const struct ort_session *session, size_t index, struct ort_allocator *allocator, char **name),
             (session, index, allocator, name))
ORT_FUNCTION(37, output_name,
             (ort_api api, const struct ort_session *session, size_t index, struct ort_allocator *allocator, char **name),
             (session, index, allocator, name))
ORT_FUNCTION(48, create_tensor,
             (ort_api api, struct ort_allocator *allocator, const int64_t *shape, size_t rank, int element,
              struct ort_value **value),
             (allocator, shape, rank, element, value))
ORT_FUNCTION(49, create_tensor_over,
             (ort_api api, const struct ort_memory *memory, void *bytes, size_t size, const int64_t *shape, size_t rank,
              int element, struct ort_value **value),
             (memory, bytes, size, shape, rank, element, value))
ORT_FUNCTION(50, is_tensor, (ort_api api, const struct ort_value *value, int *answer), (value, answer))
ORT_FUNCTION(51, tensor_bytes, (ort_api api, struct ort_value *value, void **bytes), (value, bytes))
ORT_FUNCTION(52, fill_texts,
             (ort_api api, struct ort_value *value, const char *const *texts, size_t count), (value, texts, count))
ORT_FUNCTION(53, texts_size, (ort_api api, const struct ort_value *value, size_t *size), (value, size))
ORT_FUNCTION(54, texts,
             (ort_api api, const struct ort_value *value, void *bytes, size_t size, size_t *starts, size_t count),
             (value, bytes, size, starts, count))
ORT_FUNCTION(55, as_tensor_type,
             (ort_api api, const struct ort_type *type, const struct ort_tensor_type **tensor), (type, tensor))
ORT_FUNCTION(60, element_type, (ort_api api, const struct ort_tensor_type *type, int *element), (type, element))
ORT_FUNCTION(61, rank, (ort_api api, const struct ort_tensor_type *type, size_t *rank), (type, rank))
ORT_FUNCTION(62, dimensions,
             (ort_api api, const struct ort_tensor_type *type, int64_t *dimensions, size_t rank),
             (type, dimensions, rank))
ORT_FUNCTION(65, tensor_type, (ort_api api, const struct ort_value *value, struct ort_tensor_type **type), (value, type))
// Allocator 0 is the plain one, without an arena; memory 0 the default.
ORT_FUNCTION(69, create_cpu_memory, (ort_api api, int allocator, int memory, struct ort_memory **made),
             (allocator, memory, made))
ORT_FUNCTION(76, free_with, (ort_api api, struct ort_allocator *allocator, void *bytes), (allocator, bytes))
ORT_FUNCTION(78, default_allocator, (ort_api api, struct ort_allocator **allocator), (allocator))
ORT_FUNCTION(130, set_entry, (ort_api api, struct ort_options *options, const char *key, const char *value),
             (options, key, value))

// Those that give no status.
static inline struct ort_status *ort_create_status(ort_api api, int code, const char *text) {
    return ((struct ort_status * (*)(int, const char *)) api[0])(code, text);
}
static inline int ort_status_code(ort_api api, const struct ort_status *status) {
    return ((int (*)(const struct ort_status *))api[1])(status);
}
static inline const char *ort_status_text(ort_api api, const struct ort_status *status) {
    return ((const char *(*)(const struct ort_status *))api[2])(status);
}

#define ORT_RELEASE(place, name, type)                                                                                 \
    static inline void ort_release_##name(ort_api api, struct type *object) {                                          \
        ((void (*)(struct type *))api[place])(object);                                                                 \
    }
ORT_RELEASE(92, environment, ort_environment)
ORT_RELEASE(93, status, ort_status)
ORT_RELEASE(94, memory, ort_memory)
ORT_RELEASE(95, session, ort_session)
ORT_RELEASE(96, value, ort_value)
ORT_RELEASE(98, type, ort_type)
ORT_RELEASE(99, tensor_type, ort_tensor_type)
ORT_RELEASE(100, options, ort_options)

// The library writes to standard error unless it is given a function that does not.
static inline void ort_log_nothing(void *context, int severity, const char *category, const char *id, const char *place,
                                   const char *text) {}

static inline struct ort_status *ort_create_environment(ort_api api, struct ort_environment **environment) {
    return ((struct ort_status * (*)(void *, void *, int, const char *, struct ort_environment **)) api[4])(
        (void *)ort_log_nothing, NULL, 4, "tollgate", environment);
}
