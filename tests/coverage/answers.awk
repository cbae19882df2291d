# Of mring.h: for each call that answers by a number a wrapper (ld --wrap) that notes which errors it gave, in x86-64's assembler; and, with LIST,
# the linker's options.
/^MRING_API int mring_/ {
    match($0, /mring_[a-z_]+/)
    name = substr($0, RSTART, RLENGTH)
    if (LIST) {
        print "--wrap=" name
    } else {
        print ".globl __wrap_" name "\n__wrap_" name ":"
        print "\tsubq $8, %rsp\n\tcall __real_" name "\n\taddq $8, %rsp"
        print "\ttestl %eax, %eax\n\tjs 1f\n\tret"
        print "1:\tmovl %eax, %ecx\n\tnegl %ecx\n\tmovzbl %cl, %ecx\n\tmovq coverage_answers(%rip), %rdx"
        printf "\tmovb $1, %d(%%rdx,%%rcx)\n\tret\n", 256 * count++
    }
}
END {
    if (!LIST)
        print ".section .note.GNU-stack,\"\",@progbits"
}
