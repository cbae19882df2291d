// One message through a ring, as an outside project would send it from C++.
#include <mring.hpp>
#include <mring_inline.h>

#include <cstring>
#include <iostream>
#include <string>
#include <system_error>
#include <unistd.h>

// More may produce than may open it: refused, so the terms have arrived.
static bool terms_arrive()
{
    mring::options wrong;

    wrong.access = MRING_GROUP;
    wrong.produce = MRING_EVERYONE;
    try {
        mring::ring::create(wrong);
    } catch (const std::system_error &error) {
        wrong.access = MRING_EVERYONE;
        mring::ring::create(wrong);
        return error.code() == std::errc::invalid_argument;
    }
    return false;
}

// A lossy group: its reader sleeps through three rings' worth, and is told how much that was.
static bool losses_are_told()
{
    mring::options wanted;

    wanted.capacity = 16384;
    wanted.groups = {{"display", 1, true}};
    auto ring = mring::ring::create(wanted);
    auto display = ring.join("display");
    auto producer = ring.produce();
    std::uint64_t got = 0, missed = 0;

    for (unsigned number = 0; number < 3000; number++)
        producer.send("a message", number);
    producer.end();
    for (;;) {
        try {
            auto message = display.receive();
            if (!message)
                return missed > 0 && got + missed == 3000;
            if (message->tag() != got + missed || !display.intact(*message) || !display.release(*message))
                return false;
            got++;
        } catch (const std::system_error &error) {
            if (error.code() != std::errc::value_too_large)
                throw;
            missed += display.missed().messages;
        }
    }
}

// In a descriptor, as for another program.
static bool hands_over()
{
    auto ring = mring::ring::create("package-" + std::to_string(getpid()));
    int fd = ring.export_as(MRING_CONSUME);
    auto imported = mring::ring::import_from(fd);
    bool refused = false;

    close(fd);
    ring.produce().send("over");
    try {
        imported.export_as(MRING_PRODUCE);
    } catch (const std::system_error &error) {
        refused = error.code() == std::errc::permission_denied;
    }
    auto message = imported.join("all").next();
    return refused && message && message->text() == "over";
}

// A group that is given up, a ring without groups, and waits that end.
static bool limits_arrive()
{
    using namespace std::chrono_literals;
    mring::options wanted;

    wanted.capacity = 16384;
    wanted.groups = {{"idle", 1, false, {}, MRING_DROP, 8192}};
    auto ring = mring::ring::create(wanted);
    auto producer = ring.produce();
    const std::string half(8000, 'x');

    producer.send(half);
    producer.send(half);
    producer.send(half);
    auto group = ring.stats().groups().at(0);
    wanted.groups.clear();
    wanted.no_groups = true;
    auto bare = mring::ring::create(wanted);
    auto other = bare.produce();
    auto consumer = bare.join("late");
    mring::message message;
    char buffer[8];
    return group.dropped == 1 && group.unserved == MRING_DROP && bare.info().groups == 1 &&
           consumer.receive_for(message, 0ns) == mring::wake::timed_out &&
           other.send_for("one", mring::forever) == mring::wake::ready &&
           consumer.receive_for(message, 0ns) == mring::wake::ready && message.text() == "one" &&
           message.deliveries() == 1 && consumer.release(message) && other.try_send("two") &&
           consumer.copy_next(buffer, sizeof(buffer))->text() == "two" && !consumer.copy_next(buffer, sizeof(buffer)) &&
           !consumer.take_aside(buffer, sizeof(buffer));
}

// Inlined, on the C handles; and published at once, beside those.
static bool goes_inlined()
{
    auto ring = mring::ring::create();
    auto producer = ring.produce();
    auto consumer = ring.join("all");
    struct mring_writer writer = mring_writer(producer.get());
    struct mring_reader reader = mring_reader(consumer.get());
    struct mring_message message;

    for (unsigned number = 0; number < 1000; number++) {
        void *where = producer.reserve(sizeof(number));
        std::memcpy(where, &number, sizeof(number));
        producer.publish(sizeof(number), number);
        number++;
        if (mring_writer_send(&writer, &number, sizeof(number), number) != 0)
            return false;
    }
    for (unsigned number = 0; number < 1000; number++)
        if (mring_reader_next(&reader, &message) != 1 || message.tag != number ||
            std::memcmp(message.data, &number, sizeof(number)) != 0 || mring_reader_release(&reader, &message) != 0)
            return false;
    if (mring_reader_next(&reader, &message) != 0)
        return false;
    unsigned number = 0, sent = 7;
    return mring_writer_send(&writer, &sent, sizeof(sent), 1) == 0 &&
           mring_reader_recv(&reader, &number, sizeof(number), &message) == 1 && number == sent && message.tag == 1;
}

// What can be said of a ring, and of all there are.
static bool rings_are_told_of()
{
    const std::string name = "package-" + std::to_string(getpid());
    auto ring = mring::ring::create(name);
    auto consumer = ring.join("all");
    bool notes = false;

    ring.repair();
    for (const mring::finding &finding : ring.fsck()) {
        notes |= finding.group == "all" && finding.place == 0 && finding.process == getpid();
        if (finding.weight != MRING_NOTE)
            return false;
    }
#ifdef __linux__
    bool listed = false;
    for (const mring::listed &one : mring::ring::list())
        listed |= one.name == name && one.process == getpid();
    return notes && listed;
#else
    return notes;
#endif
}

int main()
try {
    if (!limits_arrive() || !rings_are_told_of()) {
        std::cerr << "groups are not what they were asked to be, or what is told of them is not so\n";
        return 1;
    }
    if (!goes_inlined()) {
        std::cerr << "what goes inlined comes out changed\n";
        return 1;
    }
    if (!losses_are_told()) {
        std::cerr << "a lossy group's losses do not add up\n";
        return 1;
    }
    if (!terms_arrive()) {
        std::cerr << "a ring was made on other terms than asked for\n";
        return 1;
    }
    if (!hands_over()) {
        std::cerr << "a ring in a descriptor is not the same\n";
        return 1;
    }
    auto ring = mring::ring::create();
    mring_join_options dozing = MRING_JOIN_OPTIONS_INIT;
    dozing.wait = MRING_DOZE;
    auto consumer = ring.join("all", dozing);
    if (consumer.wait(std::chrono::nanoseconds(0)) != mring::wake::timed_out ||
        consumer.fd() != mring_fd(consumer.get())) {
        std::cerr << "there is a message already, or no descriptor\n";
        return 1;
    }
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
    mring_join_options durable = MRING_JOIN_OPTIONS_INIT;
    durable.durable = 1;
    (void)ring.join("ledger", durable);
    ring.remove_group("ledger");
    if (ring.info().groups != 1) {
        std::cerr << "a group that was removed is there\n";
        return 1;
    }
    if (!producer.trouble().empty() || !consumer.trouble().empty()) {
        std::cerr << "trouble: " << producer.trouble() << consumer.trouble() << '\n';
        return 1;
    }
    auto stats = ring.stats();
    if (messages != 1 || stats.ring().messages != 1 || stats.groups().at(0).lag_messages != 0 ||
        stats.members().at(0).messages != 1) {
        std::cerr << messages << " messages came out\n";
        return 1;
    }
    std::cout << "mring " << mring_version() << ", in C++\n";
    return 0;
} catch (const std::system_error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
