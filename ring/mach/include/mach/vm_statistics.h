#ifndef _MACH_VM_STATISTICS_H_
#define _MACH_VM_STATISTICS_H_

#define VM_FLAGS_FIXED               0x00000000
#define VM_FLAGS_ANYWHERE            0x00000001
#define VM_FLAGS_PURGABLE            0x00000002
#define VM_FLAGS_4GB_CHUNK           0x00000004
#define VM_FLAGS_RANDOM_ADDR         0x00000008
#define VM_FLAGS_NO_CACHE            0x00000010
#define VM_FLAGS_RESILIENT_CODESIGN  0x00000020
#define VM_FLAGS_RESILIENT_MEDIA     0x00000040
#define VM_FLAGS_PERMANENT           0x00000080
#define VM_FLAGS_TPRO                0x00001000
#define VM_FLAGS_OVERWRITE           0x00004000
#define VM_FLAGS_SUPERPAGE_MASK      0x00070000
#define VM_FLAGS_RETURN_DATA_ADDR    0x00100000
#define VM_FLAGS_RETURN_4K_DATA_ADDR 0x00800000
#define VM_FLAGS_ALIAS_MASK          0xFF000000
#define VM_MAKE_TAG(tag)             ((tag) << 24)
#define VM_FLAGS_SUPERPAGE_SHIFT     16
#define SUPERPAGE_NONE               0
#define SUPERPAGE_SIZE_ANY           1
#define SUPERPAGE_SIZE_2MB           2
#define VM_FLAGS_SUPERPAGE_NONE      (SUPERPAGE_NONE << VM_FLAGS_SUPERPAGE_SHIFT)
#define VM_FLAGS_SUPERPAGE_SIZE_ANY  (SUPERPAGE_SIZE_ANY << VM_FLAGS_SUPERPAGE_SHIFT)
#define VM_FLAGS_SUPERPAGE_SIZE_2MB  (SUPERPAGE_SIZE_2MB << VM_FLAGS_SUPERPAGE_SHIFT)
#define VM_FLAGS_HW                  VM_FLAGS_TPRO
#define VM_FLAGS_USER_ALLOCATE                                                                                         \
    (VM_FLAGS_FIXED | VM_FLAGS_ANYWHERE | VM_FLAGS_PURGABLE | VM_FLAGS_4GB_CHUNK | VM_FLAGS_RANDOM_ADDR |              \
     VM_FLAGS_NO_CACHE | VM_FLAGS_PERMANENT | VM_FLAGS_OVERWRITE | VM_FLAGS_SUPERPAGE_MASK | VM_FLAGS_HW |             \
     VM_FLAGS_ALIAS_MASK)
#define VM_FLAGS_USER_MAP (VM_FLAGS_USER_ALLOCATE | VM_FLAGS_RETURN_4K_DATA_ADDR | VM_FLAGS_RETURN_DATA_ADDR)
#define VM_FLAGS_USER_REMAP                                                                                            \
    (VM_FLAGS_FIXED | VM_FLAGS_ANYWHERE | VM_FLAGS_RANDOM_ADDR | VM_FLAGS_OVERWRITE | VM_FLAGS_RETURN_DATA_ADDR |      \
     VM_FLAGS_RESILIENT_CODESIGN | VM_FLAGS_RESILIENT_MEDIA)
#define VM_GET_FLAGS_ALIAS(flags, alias) (alias) = (((flags)&VM_FLAGS_ALIAS_MASK) >> 24)
#define VM_SET_FLAGS_ALIAS(flags, alias)                                                                               \
    (flags) = (((flags) & ~VM_FLAGS_ALIAS_MASK) | (((alias) & ~VM_FLAGS_ALIAS_MASK) << 24))
#define VM_MEMORY_MALLOC                              1
#define VM_MEMORY_MALLOC_SMALL                        2
#define VM_MEMORY_MALLOC_LARGE                        3
#define VM_MEMORY_MALLOC_HUGE                         4
#define VM_MEMORY_SBRK                                5
#define VM_MEMORY_REALLOC                             6
#define VM_MEMORY_MALLOC_TINY                         7
#define VM_MEMORY_MALLOC_LARGE_REUSABLE               8
#define VM_MEMORY_MALLOC_LARGE_REUSED                 9
#define VM_MEMORY_ANALYSIS_TOOL                       10
#define VM_MEMORY_MALLOC_NANO                         11
#define VM_MEMORY_MACH_MSG                            20
#define VM_MEMORY_IOKIT                               21
#define VM_MEMORY_STACK                               30
#define VM_MEMORY_GUARD                               31
#define VM_MEMORY_SHARED_PMAP                         32
#define VM_MEMORY_DYLIB                               33
#define VM_MEMORY_OBJC_DISPATCHERS                    34
#define VM_MEMORY_UNSHARED_PMAP                       35
#define VM_MEMORY_JAVA                                44
#define VM_MEMORY_COREGRAPHICS                        52
#define VM_MEMORY_TCMALLOC                            53
#define VM_MEMORY_DYLD                                60
#define VM_MEMORY_DYLD_MALLOC                         61
#define VM_MEMORY_SQLITE                              62
#define VM_MEMORY_JAVASCRIPT_CORE                     63
#define VM_MEMORY_JAVASCRIPT_JIT_EXECUTABLE_ALLOCATOR 64
#define VM_MEMORY_JAVASCRIPT_JIT_REGISTER_FILE        65
#define VM_MEMORY_SCENEKIT                            86
#define VM_MEMORY_APPLICATION_SPECIFIC_1              240
#define VM_MEMORY_APPLICATION_SPECIFIC_2              241
#define VM_MEMORY_APPLICATION_SPECIFIC_3              242
#define VM_MEMORY_APPLICATION_SPECIFIC_4              243
#define VM_MEMORY_APPLICATION_SPECIFIC_5              244
#define VM_MEMORY_APPLICATION_SPECIFIC_6              245
#define VM_MEMORY_APPLICATION_SPECIFIC_7              246
#define VM_MEMORY_APPLICATION_SPECIFIC_8              247
#define VM_MEMORY_APPLICATION_SPECIFIC_9              248
#define VM_MEMORY_APPLICATION_SPECIFIC_10             249
#define VM_MEMORY_APPLICATION_SPECIFIC_11             250
#define VM_MEMORY_APPLICATION_SPECIFIC_12             251
#define VM_MEMORY_APPLICATION_SPECIFIC_13             252
#define VM_MEMORY_APPLICATION_SPECIFIC_14             253
#define VM_MEMORY_APPLICATION_SPECIFIC_15             254
#define VM_MEMORY_APPLICATION_SPECIFIC_16             255
#define VM_MEMORY_COUNT                               256

#endif
