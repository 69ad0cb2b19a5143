// What reading and writing numbers costs with simdjson and the standard library alone: the floor of a service's time.
//
//     simdjson_numbers parse FILE    every number of the document into one vector, On-Demand
//     simdjson_numbers print FILE    those numbers as shortest round-trip text, with std::to_chars
//
// Prints the least of several runs in milliseconds.
#include <simdjson.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace simdjson;

static void collect(ondemand::value value, std::vector<double> &numbers) {
    switch (value.type()) {
    case ondemand::json_type::array:
        for (auto element : value.get_array()) collect(element.value(), numbers);
        break;
    case ondemand::json_type::object:
        for (auto field : value.get_object()) collect(field.value().value(), numbers);
        break;
    case ondemand::json_type::number: numbers.push_back(value.get_double()); break;
    default: break;
    }
}

static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    const bool prints = std::string(arguments[1]) == "print";
    padded_string text = padded_string::load(arguments[2]);
    ondemand::parser parser;
    std::vector<double> numbers;
    double best = 1e9;
    for (int run = 0; run < 7; run++) {
        numbers.clear();
        double start = now();
        ondemand::document document = parser.iterate(text);
        collect(document.get_value(), numbers);
        if (!prints) best = std::min(best, now() - start);
    }
    if (prints) {
        std::string out;
        for (int run = 0; run < 7; run++) {
            double start = now();
            out.resize(numbers.size() * 26 + 2);
            char *at = out.data();
            *at++ = '[';
            for (double number : numbers) {
                at = std::to_chars(at, at + 25, number).ptr;
                *at++ = ',';
            }
            out.resize(at - out.data());
            best = std::min(best, now() - start);
        }
    }
    std::printf("%.3f\n", best * 1e3);
}
