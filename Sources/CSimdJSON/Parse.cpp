#include "CSimdJSON.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <string>
#include <unordered_set>
#include <simdjson.h>

using namespace simdjson;

namespace {

struct Failure {
    crease_json_error error;
    size_t offset;
    const char *text;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The end of the RFC 8259 number at `p`, or null. */
const char *number_end(const char *p, const char *end) {
    if (p < end && *p == '-') p++;
    if (p >= end || !is_digit(*p)) return nullptr;
    if (*p == '0') {
        p++;
    } else {
        while (p < end && is_digit(*p)) p++;
    }
    if (p < end && *p == '.') {
        p++;
        if (p >= end || !is_digit(*p)) return nullptr;
        while (p < end && is_digit(*p)) p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (p >= end || !is_digit(*p)) return nullptr;
        while (p < end && is_digit(*p)) p++;
    }
    return p;
}

bool ends_token(const char *p, const char *end) {
    return p == end || *p == ',' || *p == ']' || *p == '}' || *p == ' ' || *p == '\n' || *p == '\r' || *p == '\t';
}

/* Whether a string token holds only characters of exact numbers, beginning like one. Some writers escape the slash. */
bool is_number_like(const char *quote, const char *end) {
    const char *p = quote + 1;
    if (p >= end || !(is_digit(*p) || *p == '-')) return false;
    while (p < end && (is_digit(*p) || *p == '-' || *p == '+' || *p == '.' || *p == '/' || *p == 'e' || *p == 'E' ||
                       (*p == '\\' && p + 1 < end && p[1] == '/'))) {
        p++;
    }
    return p < end && *p == '"';
}

class Builder {
  public:
    Builder(const char *text, size_t length, uint32_t maximum_depth, crease_json_document *document)
        : text(text), end(text + length), maximum_depth(maximum_depth), out(document) {}

    void document(ondemand::document &root) {
        ondemand::json_type type = check(root.type());
        if (type == ondemand::json_type::array || type == ondemand::json_type::object) {
            value(check(root.get_value()), type, 0, 0, 0, 1);
        } else {
            scalar_root(root, type);
        }
        /* The location is out of bounds exactly at the end. */
        if (root.current_location().error() != OUT_OF_BOUNDS) fail(CREASE_JSON_SYNTAX, "there is text after the document");
    }

    [[noreturn]] void fail(crease_json_error error, const char *message) {
        throw Failure{error, offset, message};
    }

  private:
    const char *text;
    const char *end;
    uint32_t maximum_depth;
    crease_json_document *out;
    size_t offset = 0; /* of the last token looked at, for messages */

    template <typename T> T check(simdjson_result<T> &&result) {
        T value;
        auto error = std::move(result).get(value);
        if (error) fail_with(error);
        return value;
    }

    [[noreturn]] void fail_with(error_code error) {
        if (error == MEMALLOC) fail(CREASE_JSON_MEMORY, "out of memory");
        if (error == DEPTH_ERROR) fail(CREASE_JSON_TOO_DEEP, "nested too deeply");
        if (error == UTF8_ERROR) fail(CREASE_JSON_UTF8, "not UTF-8");
        fail(CREASE_JSON_SYNTAX, error_message(error));
    }

    template <typename T> void grow(T *&buffer, size_t &capacity, size_t needed) {
        if (needed <= capacity) return;
        if (needed > std::numeric_limits<uint32_t>::max()) fail(CREASE_JSON_TOO_LARGE, "too many values");
        size_t larger = capacity < 16 ? 32 : capacity * 2;
        if (larger < needed) larger = needed;
        void *moved = realloc(static_cast<void *>(buffer), larger * sizeof(T));
        if (!moved) fail(CREASE_JSON_MEMORY, "out of memory");
        buffer = static_cast<T *>(moved);
        capacity = larger;
    }

    uint32_t add_node(uint32_t kind, uint32_t parent, uint32_t position, uint32_t name_length) {
        grow(out->nodes, out->node_capacity, out->node_count + 1);
        out->nodes[out->node_count] = {kind, parent, uint32_t(out->node_count + 1), position, name_length, 0, 0, 0};
        return uint32_t(out->node_count++);
    }

    uint32_t add_string(std::string_view string) {
        size_t needed = out->string_bytes + string.size();
        grow(out->strings, out->string_capacity, needed < 16 ? 16 : needed);
        if (!string.empty()) memcpy(out->strings + out->string_bytes, string.data(), string.size());
        uint32_t start = uint32_t(out->string_bytes);
        out->string_bytes = needed;
        return start;
    }

    void add_number(double number, const char *token) {
        if (out->number_count == out->number_capacity) {
            size_t capacity = out->number_capacity;
            grow(out->number_offsets, capacity, out->number_count + 1);
            grow(out->numbers, out->number_capacity, capacity);
        }
        out->numbers[out->number_count] = number;
        out->number_offsets[out->number_count] = uint32_t(token - text);
        out->number_count++;
    }

    /* A number token; beyond binary64 it is an infinity, whose text stays readable. */
    template <typename Source> double number(Source &source, const char *token) {
        double result;
        auto error = source.get_double().get(result);
        if (!error) return result;
        const char *stop = number_end(token, end);
        if (!stop || !ends_token(stop, end)) {
            offset = size_t(token - text);
            fail(CREASE_JSON_SYNTAX, "not a number of JSON");
        }
        return *token == '-' ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
    }

    void scalar_root(ondemand::document &root, ondemand::json_type type) {
        std::string_view token = check(root.raw_json_token());
        offset = size_t(token.data() - text);
        switch (type) {
        case ondemand::json_type::number: {
            uint32_t node = add_node(CREASE_JSON_NUMBER, 0, 0, 0);
            const char *stop = number_end(token.data(), end);
            const char *rest = stop;
            while (rest && rest < end && ends_token(rest, end) && *rest != ',' && *rest != ']' && *rest != '}') rest++;
            if (!stop || rest != end) fail(CREASE_JSON_SYNTAX, "not a number of JSON");
            double result = number(root, token.data());
            out->nodes[node].first = uint32_t(out->number_count);
            add_number(result, token.data());
            break;
        }
        case ondemand::json_type::string: {
            std::string_view string = check(root.get_string());
            uint32_t node = add_node(CREASE_JSON_STRING, 0, 0, 0);
            out->nodes[node].first = add_string(string);
            out->nodes[node].count = uint32_t(string.size());
            break;
        }
        case ondemand::json_type::boolean:
            add_node(check(root.get_bool()) ? CREASE_JSON_TRUE : CREASE_JSON_FALSE, 0, 0, 0);
            break;
        default:
            if (!check_null(root)) fail(CREASE_JSON_SYNTAX, "not a value of JSON");
            add_node(CREASE_JSON_NULL, 0, 0, 0);
        }
    }

    bool check_null(ondemand::document &root) { return bool(root.is_null()); }
    bool check_null(ondemand::value &value) { return bool(value.is_null()); }

    void value(
        ondemand::value item, ondemand::json_type type, uint32_t parent, uint32_t position, uint32_t name_length,
        uint32_t depth) {
        if (depth > maximum_depth) fail(CREASE_JSON_TOO_DEEP, "nested too deeply");
        switch (type) {
        case ondemand::json_type::array: array(check(item.get_array()), parent, position, name_length, depth); break;
        case ondemand::json_type::object: object(check(item.get_object()), parent, position, name_length, depth); break;
        case ondemand::json_type::number: {
            const char *token = item.raw_json_token().data();
            double result = number(item, token);
            uint32_t node = add_node(CREASE_JSON_NUMBER, parent, position, name_length);
            out->nodes[node].first = uint32_t(out->number_count);
            add_number(result, token);
            break;
        }
        case ondemand::json_type::string: {
            std::string_view string = check(item.get_string());
            uint32_t node = add_node(CREASE_JSON_STRING, parent, position, name_length);
            out->nodes[node].first = add_string(string);
            out->nodes[node].count = uint32_t(string.size());
            break;
        }
        case ondemand::json_type::boolean: {
            bool truth = check(item.get_bool());
            add_node(truth ? CREASE_JSON_TRUE : CREASE_JSON_FALSE, parent, position, name_length);
            break;
        }
        case ondemand::json_type::null:
            if (!check_null(item)) fail(CREASE_JSON_SYNTAX, "not a value of JSON");
            add_node(CREASE_JSON_NULL, parent, position, name_length);
            break;
        default: fail(CREASE_JSON_SYNTAX, "not a value of JSON");
        }
    }

    void array(ondemand::array items, uint32_t parent, uint32_t position, uint32_t name_length, uint32_t depth) {
        uint32_t node = add_node(CREASE_JSON_ARRAY, parent, position, name_length);
        uint32_t first_number = uint32_t(out->number_count);
        uint32_t count = 0;
        /* As long as every element is a number the array has no nodes inside; as long as every element is a row of
         * numbers of one length, likewise. */
        bool numbers = true, rows = true;
        uint32_t columns = 0;
        for (auto element : items) {
            ondemand::value item = check(std::move(element));
            offset = size_t(item.raw_json_token().data() - text);
            ondemand::json_type type = check(item.type());
            if (numbers && (type == ondemand::json_type::number || type == ondemand::json_type::string)) {
                const char *token = item.raw_json_token().data();
                if (type == ondemand::json_type::number) {
                    add_number(number(item, token), token);
                    rows = false;
                    count++;
                    continue;
                }
                if (is_number_like(token, end)) {
                    check(item.get_string());
                    add_number(std::numeric_limits<double>::quiet_NaN(), token);
                    rows = false;
                    count++;
                    continue;
                }
            }
            if (numbers && !rows) spell_numbers(node, first_number, count);
            numbers = false;
            if (rows && type == ondemand::json_type::array) {
                if (depth + 1 > maximum_depth) fail(CREASE_JSON_TOO_DEEP, "nested too deeply");
                if (row(check(item.get_array()), node, count, columns, depth + 1)) {
                    count++;
                    continue;
                }
                /* The element was spelled out with nodes, after those of the rows before. */
                rows = false;
                count++;
                continue;
            }
            if (rows && count > 0) spell_rows(node, first_number, count, columns);
            rows = false;
            value(item, type, node, count, 0, depth + 1);
            count++;
        }
        crease_json_node &self = out->nodes[node];
        self.count = count;
        if (count > 0 && numbers) {
            self.kind = CREASE_JSON_NUMBERS;
            self.first = first_number;
        } else if (count > 0 && rows) {
            self.kind = CREASE_JSON_MATRIX;
            self.first = first_number;
            self.columns = columns;
        }
        self.next = uint32_t(out->node_count);
    }

    /* Reads an element of a matrix. False where it is none: then the rows before and this one are nodes. */
    bool row(ondemand::array items, uint32_t parent, uint32_t index, uint32_t &columns, uint32_t depth) {
        uint32_t first_number = uint32_t(out->number_count);
        uint32_t count = 0;
        uint32_t node = 0;
        bool numbers = true;
        for (auto element : items) {
            ondemand::value item = check(std::move(element));
            const char *token = item.raw_json_token().data();
            ondemand::json_type type;
            if (*token == '-' || is_digit(*token)) {
                type = ondemand::json_type::number;
            } else {
                offset = size_t(token - text);
                type = check(item.type());
            }
            if (numbers) {
                if (type == ondemand::json_type::number) {
                    add_number(number(item, token), token);
                    count++;
                    continue;
                }
                if (type == ondemand::json_type::string && is_number_like(token, end)) {
                    check(item.get_string());
                    add_number(std::numeric_limits<double>::quiet_NaN(), token);
                    count++;
                    continue;
                }
                numbers = false;
                if (index > 0) spell_rows(parent, first_number - index * columns, index, columns);
                node = add_node(CREASE_JSON_ARRAY, parent, index, 0);
                spell_numbers(node, first_number, count);
            }
            value(item, type, node, count, 0, depth + 1);
            count++;
        }
        if (numbers && count > 0 && (index == 0 || count == columns)) {
            columns = count;
            return true;
        }
        if (numbers) {
            if (index > 0) spell_rows(parent, first_number - index * columns, index, columns);
            node = add_node(count > 0 ? CREASE_JSON_NUMBERS : CREASE_JSON_ARRAY, parent, index, 0);
            out->nodes[node].first = first_number;
        }
        out->nodes[node].count = count;
        out->nodes[node].next = uint32_t(out->node_count);
        return false;
    }

    /* Gives `count` numbers of the pool nodes of their own. */
    void spell_numbers(uint32_t parent, uint32_t first, uint32_t count) {
        for (uint32_t index = 0; index < count; index++) {
            if (std::isnan(out->numbers[first + index])) {
                const char *token = text + out->number_offsets[first + index];
                size_t length = crease_json_token_length(token, end) - 2;
                std::string plain;
                for (size_t place = 1; place <= length; place++) {
                    if (token[place] != '\\') plain += token[place];
                }
                uint32_t start = add_string(plain);
                uint32_t node = add_node(CREASE_JSON_STRING, parent, index, 0);
                out->nodes[node].first = start;
                out->nodes[node].count = uint32_t(plain.size());
            } else {
                uint32_t node = add_node(CREASE_JSON_NUMBER, parent, index, 0);
                out->nodes[node].first = first + index;
            }
        }
    }

    void spell_rows(uint32_t parent, uint32_t first, uint32_t count, uint32_t columns) {
        for (uint32_t index = 0; index < count; index++) {
            uint32_t node = add_node(CREASE_JSON_NUMBERS, parent, index, 0);
            out->nodes[node].first = first + index * columns;
            out->nodes[node].count = columns;
        }
    }

    void object(ondemand::object members, uint32_t parent, uint32_t position, uint32_t name_length, uint32_t depth) {
        uint32_t node = add_node(CREASE_JSON_OBJECT, parent, position, name_length);
        uint32_t count = 0;
        /* Beyond a few members names are looked up in a set: hostile objects must not cost quadratic time. */
        std::unique_ptr<std::unordered_set<std::string>> seen;
        for (auto element : members) {
            ondemand::field field = check(std::move(element));
            std::string_view name = check(field.unescaped_key());
            bool duplicate = false;
            if (count < 16) {
                for (uint32_t child = node + 1; child < out->node_count && !duplicate; child = out->nodes[child].next) {
                    const crease_json_node &other = out->nodes[child];
                    duplicate = name == std::string_view(out->strings + other.position, other.name_length);
                }
            } else {
                if (!seen) {
                    seen = std::make_unique<std::unordered_set<std::string>>();
                    for (uint32_t child = node + 1; child < out->node_count; child = out->nodes[child].next) {
                        seen->emplace(out->strings + out->nodes[child].position, out->nodes[child].name_length);
                    }
                }
            }
            if (seen && !duplicate) duplicate = !seen->emplace(name).second;
            uint32_t start = add_string(name);
            if (duplicate) {
                out->error_node = node;
                out->error_name_offset = start;
                out->error_name_length = uint32_t(name.size());
                fail(CREASE_JSON_DUPLICATE, "the member comes twice");
            }
            ondemand::value item = field.value();
            offset = size_t(item.raw_json_token().data() - text);
            ondemand::json_type type = check(item.type());
            value(item, type, node, start, uint32_t(name.size()), depth + 1);
            count++;
        }
        out->nodes[node].count = count;
        out->nodes[node].next = uint32_t(out->node_count);
    }
};

/* Parsers keep buffers of the largest document they saw; those of large documents are not kept. */
constexpr size_t kept_capacity = 1 << 20;

} // namespace

extern "C" void crease_json_parse(
    const char *text, size_t length, size_t capacity, uint32_t maximum_depth, crease_json_document *document) {
    memset(document, 0, sizeof *document);
    /* simdjson's own books end at 1024 levels. */
    if (maximum_depth > 1000) maximum_depth = 1000;
    Builder builder(text, length, maximum_depth, document);
    try {
        if (length > 0xFFFFFF00u) builder.fail(CREASE_JSON_TOO_LARGE, "the text passes 4 GiB");
        if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
            builder.fail(CREASE_JSON_BOM, "the text begins with a byte order mark");
        }
        static thread_local ondemand::parser kept;
        std::unique_ptr<ondemand::parser> once;
        if (length > kept_capacity) once = std::make_unique<ondemand::parser>();
        ondemand::parser &parser = once ? *once : kept;
        ondemand::document root;
        auto error = parser.iterate(text, length, capacity).get(root);
        if (error == EMPTY) builder.fail(CREASE_JSON_EMPTY, "there is no document");
        if (error == UTF8_ERROR) builder.fail(CREASE_JSON_UTF8, "not UTF-8");
        if (error == MEMALLOC) builder.fail(CREASE_JSON_MEMORY, "out of memory");
        if (error) builder.fail(CREASE_JSON_SYNTAX, error_message(error));
        builder.document(root);
    } catch (const Failure &failure) {
        document->error = failure.error;
        document->error_offset = failure.offset;
        document->error_text = failure.text;
    } catch (const simdjson_error &failure) {
        document->error = CREASE_JSON_SYNTAX;
        document->error_text = error_message(failure.error());
    } catch (...) {
        document->error = CREASE_JSON_MEMORY;
        document->error_text = "out of memory";
    }
}

extern "C" void crease_json_free(crease_json_document *document) {
    free(document->nodes);
    free(document->numbers);
    free(document->number_offsets);
    free(document->strings);
    memset(document, 0, sizeof *document);
}

extern "C" size_t crease_json_token_length(const char *token, const char *end) {
    const char *p = token;
    if (p < end && *p == '"') {
        p++;
        while (p < end && *p != '"') p++;
        return size_t(p - token) + (p < end ? 1 : 0);
    }
    while (p < end && !ends_token(p, end)) p++;
    return size_t(p - token);
}
