# page.awk FAULTS=FILE FOUND PAGE: the page of orders anew, from what collect.awk found (sorted) and the page as it was. Of that the text outside
# of the tables stays, and of the first table the columns written by hand, and the order of its rows. What is wrong goes to FAULTS.
BEGIN { FS = "\t" }

# "a", "b" -> "a, b", each once.
function add(list, item) { return list == "" ? item : index(", " list ", ", ", " item ", ") ? list : list ", " item }

function fault(text) { print text > FAULTS }

FILENAME != PAGE && $1 == "end" {
    label = $2; side = $3; how = $4; file = $5; name = $6
    sub(/^ring\//, "", file)
    known[label] = 1
    orders[label, side] = add(orders[label, side], how)
    if (!((label, side, how) in where))
        rows[++count] = label SUBSEP side SUBSEP how
    if (file != last[label, side, how]) {
        where[label, side, how] = where[label, side, how] (where[label, side, how] == "" ? "" : "; ") file ": "
        listed[label, side, how] = ""
        last[label, side, how] = file
    }
    if (add(listed[label, side, how], name) != listed[label, side, how]) {
        where[label, side, how] = where[label, side, how] (listed[label, side, how] == "" ? "" : ", ") "`" name "`"
        listed[label, side, how] = add(listed[label, side, how], name)
    }
    next
}

FILENAME != PAGE { next }

function print_label(label, cells) {
    printf "| [%s] | %s | %s | %s | %s | %s | %s | %s | %s |\n", label, cells[1], cells[2], orders[label, "writes"], cells[3],
        orders[label, "reads"], orders[label, "fence"], cells[4], cells[5]
}

function print_labels(   at, label, cells, column) {
    print "| label | word | written by | order | read by | order | fences | without it | shown by |"
    print "|---|---|---|---|---|---|---|---|---|"
    for (at = 1; at <= old; at++) {
        label = old_label[at]
        for (column = 1; column <= 5; column++)
            if ((cells[column] = hand[label, column]) == "")
                fault("the table leaves a column of [" label "] empty")
        print_label(label, cells)
    }
    for (at = 1; at <= count; at++) {
        label = substr(rows[at], 1, index(rows[at], SUBSEP) - 1)
        if (label in tabled)
            continue
        fault("the table lacks [" label "]")
        tabled[label] = 1
        print_label(label, nothing)
    }
}

function print_where(   at, part) {
    print "| label | | order | where |"
    print "|---|---|---|---|"
    for (at = 1; at <= count; at++) {
        split(rows[at], part, SUBSEP)
        printf "| [%s] | %s | %s | %s |\n", part[1], part[2], part[3], where[rows[at]]
    }
}

function trim(text) { gsub(/^ +| +$/, "", text); return text }

# A row of the table as it was.
function keep(row,   cell, label) {
    split(row, cell, "|")
    label = trim(cell[2])
    if (label !~ /^\[[A-Z_]+\]$/)
        return
    label = substr(label, 2, length(label) - 2)
    if (!(label in known)) {
        fault("the table names [" label "], which is gone")
        return
    }
    if (label in tabled)
        fault("the table names [" label "] twice")
    tabled[label] = 1
    old_label[++old] = label
    hand[label, 1] = trim(cell[3]); hand[label, 2] = trim(cell[4]); hand[label, 3] = trim(cell[6])
    hand[label, 4] = trim(cell[9]); hand[label, 5] = trim(cell[10])
}

/^<!-- labels/ { inside = "labels"; print; next }
/^<!-- where/ { inside = "where"; print; next }
/^<!-- end/ {
    if (inside == "labels")
        print_labels()
    else
        print_where()
    inside = ""
}
inside == "labels" { keep($0) }
inside == "" { print }
