# For barriers.sh: reads the code, as of objdump -d, then the page, and prints the page with `column` as it was counted. What differs from what the
# page said goes to `faults`.

function count(kind,    at)
{
    if (counts[name, kind]++ == 0 && !(kind in known)) {
        known[kind] = 1
        for (at = kinds++; at > 0 && list[at] > kind; at--)
            list[at + 1] = list[at]
        list[at + 1] = kind
    }
}

# A row's functions together. Those in brackets may have become part of another.
function counted(functions,    each, n, i, k, optional, total, said)
{
    n = split(functions, each, "`")
    for (i = 2; i <= n; i += 2) {
        optional = optional || each[i - 1] ~ /\(/
        if (!optional && !(each[i] in there))
            print each[i] "() is gone" >faults
    }
    for (k = 1; k <= kinds; k++) {
        total = 0
        for (i = 2; i <= n; i += 2)
            total += counts[each[i], list[k]]
        if (total > 0)
            said = said (said != "" ? ", " : "") total " " list[k]
    }
    return said != "" ? said : "none"
}

# ---- the code ----

FNR == NR && /^[0-9a-f]+ <.*>:$/ {
    name = $2
    gsub(/[<>:]/, "", name)
    sub(/\.(part|isra|constprop|cold).*/, "", name) # pieces that the compiler has made of one function
    there[name] = 1
}
FNR == NR && $2 == "lock" { count("lock") }
FNR == NR && $2 == "xchg" && /\(/ { count("lock") } # which it is unsaid
FNR == NR && $2 ~ /^[mls]fence$/ { count($2) }
FNR == NR && $2 == "dmb" { count("dmb " $3) }
FNR == NR && $2 ~ /^(ldar|ldapu?r|stlu?r|ldax?[rp]|ldx[rp]|cas|swp|ldadd|ldset|ldclr)[a-z]*$/ { count($2) }
FNR == NR && $2 ~ /^bl?$/ && $NF ~ /^<__aarch64_/ { # libgcc's, which goes by what the processor has
    helper = $NF
    gsub(/<__aarch64_|[@>].*/, "", helper)
    sub(/_/, " ", helper)
    count(helper)
}
FNR == NR { next }

# ---- the page ----

/^<!-- counts/ { inside = 1 }
/^<!-- end/ { inside = 0 }
inside && /^\| path / {
    cells = split($0, cell, / *\| */)
    for (own = cells; own > 0 && cell[own] != column;)
        own--
}
inside && /^\| .*`/ {
    cells = split($0, cell, / *\| */)
    said = counted(cell[3])
    if (cell[own] != said)
        print cell[2] ": " said "; the page says " cell[own] >faults
    cell[own] = said
    $0 = "|"
    for (i = 2; i < cells; i++)
        $0 = $0 " " cell[i] " |"
}
{ print }
