# Collects the labelled steps on shared words from the sources that are named, in C as clang-format leaves it. A line for each, with tabs:
#   end      LABEL  writes|reads|fence  ORDER  FILE  FUNCTION
#   mention  LABEL  FILE  LINE                   a comment that names the label, wherever
#   fault    what is wrong
#
# A label stands in a comment on the line of the call, or on that which its arguments end on: one for each call that has an order, in their
# order. A fence has as many as there are pairs that need it, a call on behalf of others one for each pair. A relaxed call needs none, and is an end of the pair whose label it carries.
BEGIN {
    OFS = "\t"
    order["word_cas"] = order["pair_cas"] = "both compare-and-swap"
    order["word_set_bit"] = order["word_take_bit"] = order["word_swap"] = order["word_raise"] = "both read-modify-write"
    order["fence_full"] = "fence full"
    order["fence_load"] = "fence load-load"
    order["fence_store"] = "fence store-store"
    order["fence_compiler"] = "fence compiler"
    order["fence_others"] = "fence asymmetric"
    relaxed["word_load"] = relaxed["word_load_racing"] = "reads relaxed"
    relaxed["word_store"] = relaxed["word_add_own"] = relaxed["word_count"] = "writes relaxed"
}

FNR == 1 { inside = 0; forget(); function_name = "" }

# What a line says outside of comments, and in them.
function divide(line,   at) {
    code = comment = ""
    while (line != "") {
        at = index(line, inside ? "*/" : "/*")
        if (inside)
            comment = comment (at ? substr(line, 1, at - 1) " " : line)
        else
            code = code (at ? substr(line, 1, at - 1) " " : line)
        if (!at)
            return
        inside = !inside
        line = substr(line, at + 2)
    }
}

# Also those of a header that cannot use core/atomic.h, as it is installed, have names that end so.
function order_of(name) {
    return name in order ? order[name] : name ~ /_load_acquire$/ ? "reads acquire" : name ~ /_store_release$/ ? "writes release" : ""
}

function forget() { calls = fences = loose = labels = 0 }

# The calls of a line, those with an order and those without.
function read_calls(   rest, name) {
    for (rest = code; match(rest, /[a-z_0-9]+\(/); rest = substr(rest, RSTART + RLENGTH)) {
        name = substr(rest, RSTART, RLENGTH - 1)
        if (order_of(name) != "") {
            call[++calls] = name
            fences += order_of(name) ~ /^fence/
        } else if (name in relaxed) {
            loose_call[++loose] = name
        }
    }
}

# The labels in a comment: [NAME], which nothing is indexed by.
function read_labels(   rest, before) {
    for (rest = " " comment; match(rest, /\[[A-Z][A-Z_]*\]/); rest = substr(rest, RSTART + RLENGTH)) {
        before = substr(rest, RSTART - 1, 1)
        if (before ~ /[A-Za-z0-9_]/)
            continue
        label[++labels] = substr(rest, RSTART + 1, RLENGTH - 2)
        print "mention", label[labels], FILENAME, FNR
    }
}

function end(name, what,   words) {
    split(what, words, " ")
    if (words[1] == "both") {
        print "end", name, "writes", words[2], FILENAME, function_name
        print "end", name, "reads", words[2], FILENAME, function_name
    } else {
        print "end", name, words[1], words[2], FILENAME, function_name
    }
}

function fault(text) { print "fault", FILENAME ":" FNR ": " text }

# The line, or lines, of a call are complete.
function settle(   at, which) {
    if (calls == 0)
        for (at = 1; at <= loose; at++)
            for (which = 1; which <= labels; which++)
                end(label[which], relaxed[loose_call[at]])
    else if (labels == 0)
        fault(call[1] "() in " function_name "() carries no label")
    else if (fences == calls)
        for (at = 1; at <= calls; at++)
            for (which = 1; which <= labels; which++)
                end(label[which], order_of(call[at]))
    else if (calls != labels && calls > 1)
        fault(calls " calls with an order in " function_name "(), but " labels " labels")
    else
        for (which = 1; which <= labels; which++)
            end(label[which], order_of(call[calls > 1 ? which : 1]))
    forget()
}

{
    divide($0)
    sub(/__attribute__\(\([^)]*\)\)/, "", code)
    if (code ~ /^[A-Za-z].*[a-z_0-9]\(/) {
        function_name = code
        sub(/\(.*/, "", function_name)
        sub(/.*[^a-z_0-9]/, "", function_name)
        code = ""
    } else if (order_of(function_name) != "") {
        code = "" # what it is made of
    }
    read_calls()
    if (calls == 0)
        labels = 0 # of a comment that runs on
    read_labels()
    if (calls == 0 || labels != 0 || code !~ /[,(&|=<>?:+-] *$/)
        settle()
}
