# The page with its tables made anew: of the rooms, of the CSV that gcovr wrote, and of the answers, of a file with "call error error ..." on each line.
BEGIN {
    FS = ","
    split("core wait member meet region api include tool mach", order, " ")
    while ((getline line <CSV) > 0) {
        split(line, field, ",")
        if (field[1] !~ /^ring\//)
            continue
        split(field[1], part, "/")
        room = part[2]
        add(room, field)
        add("all", field)
    }
}
function add(room, field) {
    lines[room] += field[2]; lines_run[room] += field[3]
    branches[room] += field[5]; branches_run[room] += field[6]
    functions[room] += field[8]; functions_run[room] += field[9]
}
function share(part, whole) {
    return whole == 0 ? "-" : sprintf("%d of %d, %.1f %%", part, whole, int(1000 * part / whole) / 10)
}
function row(name, room) {
    printf "| %s | %s | %s | %s |\n", name, share(lines_run[room], lines[room]), share(branches_run[room], branches[room]),
        share(functions_run[room], functions[room])
}
/^<!-- rooms/ {
    print
    printf "Made %s.\n\n| room | lines | branches | functions |\n|---|---|---|---|\n", made
    for (at = 1; at in order; at++)
        row("`" order[at] "`", order[at])
    row("all", "all")
    skip = 1
}
/^<!-- answers/ {
    print
    print "| call | errors that tests were given |\n|---|---|"
    while ((getline line <ANSWERS) > 0) {
        count = split(line, word, " ")
        printf "| `%s` |", word[1]
        for (at = 2; at <= count; at++)
            printf " -%s", word[at]
        print " |"
    }
    skip = 1
}
/^<!-- end/ { skip = 0 }
!skip { print }
