// One message through a ring, as an outside project would send it from C++.
#include <mring.hpp>

#include <iostream>
#include <system_error>

int main()
try {
    auto ring = mring::ring::create();
    auto consumer = ring.join("all");
    auto producer = ring.produce();
    producer.send("hello, outside", 7);
    producer.end();

    int messages = 0;
    while (auto message = consumer.receive()) {
        if (message->text() != "hello, outside" || message->tag() != 7) {
            std::cerr << "the message came out changed\n";
            return 1;
        }
        consumer.release(*message);
        ++messages;
    }
    if (!producer.trouble().empty() || !consumer.trouble().empty()) {
        std::cerr << "trouble: " << producer.trouble() << consumer.trouble() << '\n';
        return 1;
    }
    if (messages != 1) {
        std::cerr << messages << " messages came out\n";
        return 1;
    }
    std::cout << "mring " << mring_version() << ", in C++\n";
    return 0;
} catch (const std::system_error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
