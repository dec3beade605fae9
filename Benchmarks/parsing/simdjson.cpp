// SPDX-License-Identifier: Apache-2.0
// What reading one body into floats costs with simdjson: simdjson rows|infer FILE MILLISECONDS [dom]. It checks what a
// server must: that each row has 784 numbers, and of an infer request the name, the datatype and the shape; not what
// On-Demand passes over: what stands behind the tensor, and members that are there twice.
#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

using namespace simdjson;

static constexpr size_t width = 784;
static std::vector<float> floats;

[[noreturn]] static void fail(const char *sentence) {
    std::fprintf(stderr, "simdjson: %s\n", sentence);
    std::exit(1);
}

template <typename Array> static void row(Array &&numbers) {
    for (auto number : numbers) floats.push_back(static_cast<float>(double(number)));
}

template <typename Document> static void rows(Document &&document) {
    size_t count = 0;
    auto instances = document["instances"].get_array();
    for (auto instance : instances.value()) {
        row(instance.get_array().value());
        if (floats.size() != width * ++count) fail("a row has not 784 numbers");
    }
}

template <typename Document> static void infer(Document &&document) {
    auto inputs = document["inputs"].get_array();
    for (auto input : inputs.value()) {
        auto object = input.get_object().value();
        // In the order in which the body has them, which is the quickest for simdjson.
        if (std::string_view(object["name"]) != "pixels") fail("the input has another name");
        size_t wanted = 1;
        auto shape = object["shape"].get_array();
        for (auto dimension : shape.value()) wanted *= uint64_t(dimension);
        if (std::string_view(object["datatype"]) != "FP32") fail("the input has another type");
        row(object["data"].get_array().value());
        if (floats.size() != wanted) fail("the data do not fit the shape");
    }
}

int main(int count, char **arguments) {
    if (count < 4) fail("usage: simdjson rows|infer FILE MILLISECONDS [dom]");
    const bool is_infer = !std::strcmp(arguments[1], "infer"), is_dom = count > 4;
    const auto body = padded_string::load(arguments[2]);
    if (body.error()) fail("the file cannot be read");
    const padded_string &text = body.value_unsafe();
    ondemand::parser parser;
    dom::parser tree;
    auto once = [&] {
        floats.clear();
        if (is_dom) {
            dom::element document = tree.parse(text);
            is_infer ? infer(document) : rows(document);
        } else {
            ondemand::document document = parser.iterate(text);
            is_infer ? infer(document) : rows(document);
        }
    };
    try {
        once();
        double sum = 0;
        for (float value : floats) sum += value;
        const size_t values = floats.size();
        const auto now = [] { return std::chrono::steady_clock::now(); };
        const auto start = now(), end = start + std::chrono::milliseconds(std::atol(arguments[3]));
        long times = 0;
        for (; now() < end; times += 16)
            for (int i = 0; i < 16; i++) {
                once();
                if (floats.size() != values) fail("the same body was read in two ways");
            }
        const double took = std::chrono::duration<double, std::nano>(now() - start).count() / double(times);
        std::printf("{\"values\": %zu, \"sum\": %.17g, \"nanoseconds\": %f}\n", values, sum, took);
    } catch (const simdjson_error &error) { fail(error.what()); }
}
