/*
 * mring.hpp: a thin C++17 face on mring.h, in headers only. What a call means is said in mring.h; this file says what changes.
 *
 *   Names      mring::ring, mring::producer, mring::consumer, mring::message. C has taken the name `mring` for a struct, so
 *              that here it is a class used as a scope, and no namespace. get() gives the C handle to whatever is not wrapped.
 *   Lifetime   Handles are closed by their destructors and can be moved, not copied. Producers and consumers keep
 *              their ring open, so the order of destruction does not matter. A moved-from handle may only be assigned to
 *              or destroyed.
 *   Errors     std::system_error with the generic category, so that code() compares with std::errc; what() names the thing.
 *              What is no error is a return value: nothing there, no room, a timeout, the end of the stream.
 *   Threads, fork, signals   as in mring.h.
 *
 *     auto ring = mring::ring::create();             for (auto consumer = ring.join("all"); auto message = consumer.receive();) {
 *     auto producer = ring.produce();                    use(message->text());
 *     producer.send("hello");                            consumer.release(*message);
 *     producer.end();                                }
 */
#ifndef MRING_HPP
#define MRING_HPP

#include <mring.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

struct mring {
    mring() = delete; /* a scope: nobody makes one; mring * is the C library's opaque handle */

    /* As a timeout: wait without end. */
    static constexpr std::chrono::nanoseconds forever{MRING_FOREVER};

    /* A group to declare when the ring is made. */
    struct group {
        std::string name;
        unsigned members = 1;
        bool lossy = false;
        std::vector<std::string> after = {};  /* names of declared groups that this one is after */
        mring_unserved unserved = MRING_STOP; /* MRING_TURN_LOSSY: its members have to be ready for value_too_large */
        std::size_t limit = 0;                /* bytes; with another one than MRING_STOP */
    };

    /* struct mring_options; 0 and an empty list mean the defaults. */
    struct options {
        std::size_t capacity = 0;
        std::size_t alignment = 0;
        std::vector<group> groups;
        bool no_groups = false; /* not the default ones either */
        unsigned members = 0;
        unsigned attempts = 0;
        mring_access access = MRING_OWNER;
        mring_access produce = MRING_OWNER;
        bool strict = false;
    };

    /* A ring that is served here: struct mring_listed. */
    struct listed {
        std::string name;
        std::int64_t process;
    };

    /* struct mring_finding; no group: it is about the ring. */
    struct finding {
        mring_weight weight;
        std::string text;
        std::optional<std::string> group;
        int place;
        std::int64_t process;
        std::uint64_t from, to;
    };

    /* Why a wait ended. */
    enum class wake {
        ready,       /* look again */
        timed_out,   /* nothing within the timeout */
        interrupted, /* a signal handler ran */
        cancelled,   /* somebody called cancel() */
        ended        /* a consumer's stream is complete and drained */
    };

    class message;
    class producer;
    class consumer;
    class stats;
    class ring;

  private:
    /* mring_producer is a call too, so that the struct needs the keyword. */
    using producer_handle = struct mring_producer;
    using consumer_handle = struct mring_consumer;
    using stats_handle = struct mring_stats;

    [[noreturn]] static void fail(int error, const char *what)
    {
        throw std::system_error(-error, std::generic_category(), what);
    }

    /* 0 or a count passes, an error is thrown. */
    static int check(int result, const char *what)
    {
        if (result < 0)
            fail(result, what);
        return result;
    }

    /* The same for an opening call, which says in `error` what it failed on. */
    static void check(int result, const mring_error &error, const char *what)
    {
        if (result < 0)
            fail(result, error.text[0] != '\0' ? error.text : what);
    }

    /* A handle and the ring that it keeps open: the ring is the member that is destroyed last. */
    template <typename Handle, int (*Close)(Handle *)> class owner
    {
        struct closer {
            void operator()(Handle *handle) const noexcept
            {
                Close(handle);
            }
        };
        std::shared_ptr<mring> ring_;
        std::unique_ptr<Handle, closer> handle_;

      public:
        owner(std::shared_ptr<mring> ring, Handle *handle) noexcept : ring_(std::move(ring)), handle_(handle)
        {
        }
        owner(owner &&) noexcept = default;
        owner &operator=(owner &&other) noexcept
        {
            handle_ = std::move(other.handle_); /* the old handle closes before the ring it stands on */
            ring_ = std::move(other.ring_);
            return *this;
        }
        Handle *get() const noexcept
        {
            return handle_.get();
        }
    };

    /* What C tells one by one. No exception goes through C: it is kept. */
    template <typename One, typename Told> struct collector {
        std::vector<One> found;
        std::exception_ptr failed;

        static void add(void *context, const Told *told) noexcept
        {
            auto *collector = static_cast<struct collector *>(context);
            try {
                collector->found.push_back(copy(*told));
            } catch (...) {
                collector->failed = std::current_exception();
            }
        }
        std::vector<One> all()
        {
            if (failed)
                std::rethrow_exception(failed);
            return std::move(found);
        }
    };

    static listed copy(const mring_listed &told)
    {
        return {told.name, told.process};
    }

    static finding copy(const mring_finding &told)
    {
        return {
            told.weight, told.text,    told.group != nullptr ? std::optional<std::string>(told.group) : std::nullopt,
            told.place,  told.process, told.from,
            told.to};
    }

    static wake woken(int result, const char *what)
    {
        switch (result) {
        case 0:
        case 1: /* and what was waited for is there */
            return wake::ready;
        case -ETIMEDOUT:
            return wake::timed_out;
        case -EINTR:
            return wake::interrupted;
        case -ECANCELED:
            return wake::cancelled;
        case -EPIPE:
            return wake::ended;
        default:
            fail(result, what);
        }
    }
};

/* One message, in the ring's memory: good until it is released. A value: copying it copies no bytes. */
class mring::message
{
    friend class consumer;
    mring_message message_{};

  public:
    const std::byte *data() const noexcept
    {
        return static_cast<const std::byte *>(message_.data);
    }
    std::size_t size() const noexcept
    {
        return message_.length;
    }
    std::string_view text() const noexcept
    {
        return {static_cast<const char *>(message_.data), message_.length};
    }
    std::uint32_t tag() const noexcept
    {
        return message_.tag;
    }
    std::uint64_t position() const noexcept
    {
        return message_.position;
    }
    /* To how many members it was given: above 1, it is redelivered. */
    unsigned deliveries() const noexcept
    {
        return message_.deliveries;
    }
};

class mring::producer
{
    friend class ring;
    owner<producer_handle, mring_producer_close> owner_;

    producer(std::shared_ptr<mring> ring, producer_handle *handle) noexcept : owner_(std::move(ring), handle)
    {
    }

    /* True: done; false: there is no room. */
    static bool done(int result, const char *what)
    {
        if (result == -EAGAIN)
            return false;
        check(result, what);
        return true;
    }

    /* The blocking calls go on when a signal handler ran, and throw std::errc::operation_canceled after cancel(). */
    void wait_for_room()
    {
        if (wait() == wake::cancelled)
            fail(-ECANCELED, "mring: waiting for room");
    }

  public:
    /* Room for a message of up to `length` bytes, or nullptr if there is none now. */
    void *try_reserve(std::size_t length)
    {
        void *where = nullptr;
        return done(mring_reserve(get(), length, &where), "mring: reserve") ? where : nullptr;
    }

    /* The same; waits for room. */
    void *reserve(std::size_t length)
    {
        void *where;
        while ((where = try_reserve(length)) == nullptr)
            wait_for_room();
        return where;
    }

    /* The message at the reserved place is complete; flush() publishes it. */
    void commit(std::size_t length, std::uint32_t tag = 0)
    {
        check(mring_commit(get(), length, tag), "mring: commit");
    }

    /* Both in one. */
    void publish(std::size_t length, std::uint32_t tag = 0)
    {
        check(mring_publish(get(), length, tag), "mring: publish");
    }

    void flush()
    {
        check(mring_flush(get()), "mring: flush");
    }

    /* Send a copy of `text`; false: there is no room now. */
    bool try_send(std::string_view text, std::uint32_t tag = 0)
    {
        return done(mring_send(get(), text.data(), text.size(), tag), "mring: send");
    }

    /* The same; waits for room. */
    void send(std::string_view text, std::uint32_t tag = 0)
    {
        while (!try_send(text, tag))
            wait_for_room();
    }

    /* The same, for so long at most: ready, if it was sent. */
    wake send_for(std::string_view text, std::chrono::nanoseconds timeout, std::uint32_t tag = 0)
    {
        return woken(mring_send_wait(get(), text.data(), text.size(), tag, timeout.count()), "mring: send");
    }

    /* Send the pieces as one message; false: there is no room now. */
    bool try_send(const iovec *pieces, int count, std::uint32_t tag = 0)
    {
        return done(mring_sendv(get(), pieces, count, tag), "mring: send");
    }

    /* The stream is complete. */
    void end()
    {
        check(mring_end(get()), "mring: end");
    }

    wake wait(std::chrono::nanoseconds timeout = forever)
    {
        return woken(mring_producer_wait(get(), timeout.count()), "mring: waiting for room");
    }

    /* Flush, and wait until every group has released all that is published; also after end(). */
    wake drain(std::chrono::nanoseconds timeout = forever)
    {
        return woken(mring_drain(get(), timeout.count()), "mring: drain");
    }

    /* A group that was cut off, in words; empty: none was. */
    std::string trouble() const
    {
        mring_error error = MRING_ERROR_INIT;
        check(mring_producer_trouble(get(), &error), "mring: trouble");
        return error.text;
    }

    /* For an event loop, as mring_fd says: to be polled after wait(0ns) said timed_out. */
    int fd() const
    {
        return check(mring_producer_fd(get()), "mring: descriptor");
    }

    /* End this handle's wait: from any thread or signal handler. */
    void cancel() const noexcept
    {
        mring_producer_wake(get());
    }

    producer_handle *get() const noexcept
    {
        return owner_.get();
    }
};

class mring::consumer
{
    friend class ring;
    owner<consumer_handle, mring_leave> owner_;

    consumer(std::shared_ptr<mring> ring, consumer_handle *handle) noexcept : owner_(std::move(ring), handle)
    {
    }

    static_assert(std::is_standard_layout_v<message> && sizeof(message) == sizeof(mring_message),
                  "next_batch hands an array of message to C as one of mring_message");

  public:
    /* The next message, if there is one now. Nothing at the end of the stream too: wait() tells the two apart. */
    std::optional<message> next()
    {
        message found;
        return next_batch(&found, 1) == 1 ? std::optional<message>(found) : std::nullopt;
    }

    /* Up to `count` messages: how many there were, 0 also at the end of the stream. */
    int next_batch(message *messages, int count)
    {
        int result = mring_next_batch(get(), &messages->message_, count);
        return result == -EPIPE ? 0 : check(result, "mring: next");
    }

    /*
     * Wait for the next message; nothing only at the end of the stream. Goes on when a signal handler ran. Throws
     * std::errc::value_too_large when a member of a lossy group missed() some (the next call goes on), operation_canceled after cancel(), owner_dead when the producer died without end() (it may be called again), and
     * device_or_resource_busy while a whole batch is unreleased.
     */
    std::optional<message> receive()
    {
        for (;;) {
            if (auto found = next())
                return found;
            switch (wait()) {
            case wake::ended:
                return std::nullopt;
            case wake::cancelled:
                fail(-ECANCELED, "mring: waiting for a message");
            default:
                break;
            }
        }
    }

    /* The next message within so long: ready, if `found` is it. */
    wake receive_for(message &found, std::chrono::nanoseconds timeout)
    {
        return woken(mring_next_wait(get(), &found.message_, timeout.count()), "mring: waiting for a message");
    }

    /* The next message, copied out and released: it is in `buffer`, and whole. Nothing as of next(). */
    std::optional<message> copy_next(void *buffer, std::size_t size)
    {
        message found;
        int result = mring_recv(get(), buffer, size, &found.message_);
        return result != -EPIPE && check(result, "mring: next") == 1 ? std::optional<message>(found) : std::nullopt;
    }

    /* The oldest message that was set aside (mring_take_aside), in `buffer`; nothing: there is none. */
    std::optional<message> take_aside(void *buffer, std::size_t size)
    {
        message found;
        return check(mring_take_aside(get(), buffer, size, &found.message_), "mring: take aside") == 1
                   ? std::optional<message>(found)
                   : std::nullopt;
    }

    /* Done with this message and all before it. False, in a lossy group alone: they were not whole, and count as missed(). */
    bool release(const message &last)
    {
        int result = mring_release(get(), &last.message_);
        return result != -EOVERFLOW && check(result, "mring: release") == 0;
    }

    /* Was all that was read of it until now whole? In a lossy group, to be asked before anything is done about it. */
    bool intact(const message &held) const
    {
        return check(mring_intact(get(), &held.message_), "mring: intact") == 1;
    }

    /* What the last loss in a lossy group was: of release(), or of a call that threw std::errc::value_too_large. */
    struct mring_missed missed() const
    {
        struct mring_missed gap = MRING_MISSED_INIT;
        check(mring_missed(get(), &gap), "mring: missed");
        return gap;
    }

    wake wait(std::chrono::nanoseconds timeout = forever)
    {
        return woken(mring_consumer_wait(get(), timeout.count()), "mring: waiting for a message");
    }

    /* What was wrong, in words, when std::errc::bad_message or connection_aborted was thrown; empty: nothing was. */
    std::string trouble() const
    {
        mring_error error = MRING_ERROR_INIT;
        check(mring_consumer_trouble(get(), &error), "mring: trouble");
        return error.text;
    }

    /* For an event loop, as mring_fd says: to be polled after wait(0ns) said timed_out. */
    int fd() const
    {
        return check(mring_consumer_fd(get()), "mring: descriptor");
    }

    /* End this handle's wait: from any thread or signal handler. */
    void cancel() const noexcept
    {
        mring_consumer_wake(get());
    }

    consumer_handle *get() const noexcept
    {
        return owner_.get();
    }
};

/* A snapshot of a ring's counters; take() makes it anew. The structs are those of mring.h. */
class mring::stats
{
    friend class ring;
    struct closer {
        void operator()(stats_handle *handle) const noexcept
        {
            mring_stats_free(handle);
        }
    };
    std::shared_ptr<mring> ring_;
    std::unique_ptr<stats_handle, closer> handle_;

    explicit stats(std::shared_ptr<mring> ring) : ring_(std::move(ring))
    {
        take();
    }

    template <typename One>
    std::vector<One> all(int (*read)(const stats_handle *, unsigned, One *), const One &empty) const
    {
        std::vector<One> found;
        One one = empty;
        for (unsigned at = 0; read(handle_.get(), at, &one) == 0; at++)
            found.push_back(one);
        return found;
    }

  public:
    void take()
    {
        mring_error error = MRING_ERROR_INIT;
        stats_handle *handle = handle_.get();
        check(mring_stats(ring_.get(), &handle, &error), error, "mring: stats");
        (void)handle_.release(); /* the same, or there was none */
        handle_.reset(handle);
    }

    mring_ring_stats ring() const
    {
        mring_ring_stats told = MRING_RING_STATS_INIT;
        check(mring_stats_ring(handle_.get(), &told), "mring: stats");
        return told;
    }

    std::vector<mring_group_stats> groups() const
    {
        return all<mring_group_stats>(mring_stats_group, MRING_GROUP_STATS_INIT);
    }

    std::vector<mring_member_stats> members() const
    {
        return all<mring_member_stats>(mring_stats_member, MRING_MEMBER_STATS_INIT);
    }
};

class mring::ring
{
    std::shared_ptr<mring> ring_;

    explicit ring(mring *handle) : ring_(handle, [](mring *last) { mring_close(last); })
    {
    }

    static std::vector<const char *> pointers(const std::vector<std::string> &names)
    {
        std::vector<const char *> made;
        for (const std::string &one : names)
            made.push_back(one.c_str());
        return made;
    }

    /* `after`: the names of one.after, which stay where they are as long as this is used. */
    static mring_group declared(const group &one, const std::vector<const char *> &after)
    {
        mring_group given{};
        given.name = one.name.c_str();
        given.members = one.members;
        given.lossy = one.lossy;
        given.unserved = one.unserved;
        given.limit = one.limit;
        given.after = after.data();
        given.after_count = after.size();
        return given;
    }

    static ring make(const char *name, const options &wanted)
    {
        std::vector<std::vector<const char *>> after;
        std::vector<mring_group> groups;
        const mring_group none{};
        for (const group &one : wanted.groups) {
            after.push_back(pointers(one.after)); /* what it points to does not move when this grows */
            groups.push_back(declared(one, after.back()));
        }
        mring_error error = MRING_ERROR_INIT;
        mring_options given = MRING_OPTIONS_INIT;
        given.capacity = wanted.capacity;
        given.alignment = wanted.alignment;
        given.groups = !groups.empty() ? groups.data() : wanted.no_groups ? &none : nullptr;
        given.group_count = groups.size();
        given.members = wanted.members;
        given.attempts = wanted.attempts;
        given.access = wanted.access;
        given.produce = wanted.produce;
        given.strict = wanted.strict;
        given.error = &error;
        mring *made = nullptr;
        check(mring_create(&made, name, &given), error, "mring: create");
        return ring(made);
    }

  public:
    ring(ring &&) noexcept = default;
    ring &operator=(ring &&) noexcept = default;

    /* A ring for forked children. */
    static ring create(const options &wanted = {})
    {
        return make(nullptr, wanted);
    }

    /* A ring that processes of the same user find by its name. */
    static ring create(const std::string &name, const options &wanted = {})
    {
        return make(name.c_str(), wanted);
    }

    /* Open a ring by name; waits up to `timeout` for it to appear. */
    static ring open(const std::string &name, mring_role role, std::chrono::nanoseconds timeout = {})
    {
        mring_error error = MRING_ERROR_INIT;
        mring_open_options given = MRING_OPEN_OPTIONS_INIT;
        given.timeout = timeout.count();
        given.error = &error;
        mring *opened = nullptr;
        check(mring_open(&opened, name.c_str(), role, &given), error, "mring: open");
        return ring(opened);
    }

    /* The ring in a descriptor, for mring::ring::import_from in whatever process gets it: close-on-exec, and the caller's to close. */
    int export_as(mring_role role) const
    {
        mring_error error = MRING_ERROR_INIT;
        int fd = -1;
        check(mring_export(get(), role, &fd, &error), error, "mring: export");
        return fd;
    }

    /* Open the ring that is in a descriptor, which stays the caller's; waits up to `timeout` for somebody to serve it. */
    static ring import_from(int fd, std::chrono::nanoseconds timeout = {})
    {
        mring_error error = MRING_ERROR_INIT;
        mring_open_options given = MRING_OPEN_OPTIONS_INIT;
        given.timeout = timeout.count();
        given.error = &error;
        mring *opened = nullptr;
        check(mring_import(fd, &opened, &given), error, "mring: import");
        return ring(opened);
    }

    /* Become the producer, who waits for room in this way; `interval` is MRING_DOZE's. */
    producer produce(mring_waiting way = MRING_SPIN_THEN_SLEEP, std::chrono::nanoseconds interval = {}) const
    {
        mring_error error = MRING_ERROR_INIT;
        mring_producer_options given = MRING_PRODUCER_OPTIONS_INIT;
        given.error = &error;
        given.wait = way;
        given.interval = interval.count();
        producer_handle *made = nullptr;
        check(mring_producer(get(), &made, &given), error, "mring: produce");
        return producer(ring_, made);
    }

    /* Become a member of a group, which, if this makes it, may have `members` (0: the ring's default) and is after these declared ones. */
    consumer join(const std::string &name, unsigned members = 0, const std::vector<std::string> &after = {}) const
    {
        const std::vector<const char *> names = pointers(after);
        mring_join_options given = MRING_JOIN_OPTIONS_INIT;
        given.members = members;
        given.after = names.data();
        given.after_count = names.size();
        return join(name, given);
    }

    /* The same with all that mring.h offers; an error is thrown, not left in given.error. */
    consumer join(const std::string &name, mring_join_options given) const
    {
        mring_error error = MRING_ERROR_INIT;
        given.error = &error;
        consumer_handle *made = nullptr;
        check(mring_join(get(), name.c_str(), &given, &made), error, "mring: join");
        return consumer(ring_, made);
    }

    /* Which rings are served here: of this user, or others' too. */
    static std::vector<listed> list(bool others = false)
    {
        mring_error error = MRING_ERROR_INIT;
        mring_list_options given = MRING_LIST_OPTIONS_INIT;
        collector<listed, mring_listed> rings;
        given.report = rings.add;
        given.context = &rings;
        given.error = &error;
        given.others = others;
        check(mring_list(&given), error, "mring: list");
        return rings.all();
    }

    /* Check the ring: all that there is to say of it, notes too. */
    std::vector<finding> fsck() const
    {
        mring_error error = MRING_ERROR_INIT;
        mring_fsck_options given = MRING_FSCK_OPTIONS_INIT;
        collector<finding, mring_finding> findings;
        given.report = findings.add;
        given.context = &findings;
        given.error = &error;
        check(mring_fsck(get(), &given), error, "mring: fsck");
        return findings.all();
    }

    /* See to the dead at once. */
    void repair() const
    {
        mring_error error = MRING_ERROR_INIT;
        check(mring_repair(get(), &error), error, "mring: repair");
    }

    /* Remove a durable group that nobody is in. */
    void remove_group(const std::string &name) const
    {
        mring_error error = MRING_ERROR_INIT;
        check(mring_group_remove(get(), name.c_str(), &error), error, "mring: remove a group");
    }

    struct mring_info info() const
    {
        struct mring_info facts = MRING_INFO_INIT;
        check(mring_info(get(), &facts), "mring: info");
        return facts;
    }

    /* Of this moment. */
    mring::stats stats() const
    {
        return mring::stats(ring_);
    }

    mring *get() const noexcept
    {
        return ring_.get();
    }
};

#endif
