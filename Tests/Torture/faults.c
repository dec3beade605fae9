// SPDX-License-Identifier: Apache-2.0

// Makes system calls on the audit journal fail while a file says so:
//
//     cc -shared -fPIC -O2 -o faults.so faults.c -ldl
//     TOLLGATE_FAULTS=control LD_PRELOAD=./faults.so tollgate serve …
//     printf 'fdatasync EIO' >control        pwritev ENOSPC, ftruncate EIO, posix_fallocate ENOSPC, open EACCES; several,
//                                            separated by newlines; an empty file lets all pass
//
// Files whose path has "/audit/journal/" in it are the journal; with TOLLGATE_FAULTS_IN another text decides. A failing
// fdatasync does not sync, a failing pwritev takes half of its bytes first, as a device that fails may.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *control_path(void) { return getenv("TOLLGATE_FAULTS"); }

static int is_journal(const char *path) {
    const char *part = getenv("TOLLGATE_FAULTS_IN");
    return strstr(path, part ? part : "/audit/journal") != NULL;
}

// By system calls alone: the functions below are what everybody else calls.
static int fault(const char *call) {
    const char *path = control_path();
    if (!path) return 0;
    long file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    char text[512];
    long count = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    if (count <= 0) return 0;
    text[count] = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        size_t length = strlen(call);
        if (strncmp(line, call, length) || line[length] != ' ') continue;
        const char *name = line + length + 1;
        if (!strcmp(name, "EIO")) return EIO;
        if (!strcmp(name, "ENOSPC")) return ENOSPC;
        if (!strcmp(name, "EACCES")) return EACCES;
        if (!strcmp(name, "EDQUOT")) return EDQUOT;
    }
    return 0;
}

static int fault_on(int file, const char *call) {
    int saved = errno;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    long count = syscall(SYS_readlink, link, path, sizeof path - 1);
    int code = 0;
    if (count > 0) {
        path[count] = 0;
        if (is_journal(path)) code = fault(call);
    }
    errno = saved;
    return code;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fdatasync(int file) {
    int code = fault_on(file, "fdatasync");
    if (!code) return NEXT(fdatasync)(file);
    errno = code;
    return -1;
}

int fsync(int file) {
    int code = fault_on(file, "fsync");
    if (!code) return NEXT(fsync)(file);
    errno = code;
    return -1;
}

static ssize_t write_half(int file, const struct iovec *pieces, int count, off_t offset, int code) {
    if (count > 0 && pieces[0].iov_len > 1) {
        syscall(SYS_pwrite64, file, pieces[0].iov_base, pieces[0].iov_len / 2, offset);
    }
    errno = code;
    return -1;
}

ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t offset) {
    int code = fault_on(file, "pwritev");
    return code ? write_half(file, pieces, count, offset, code) : NEXT(pwritev)(file, pieces, count, offset);
}

ssize_t pwritev64(int file, const struct iovec *pieces, int count, off64_t offset) {
    int code = fault_on(file, "pwritev");
    return code ? write_half(file, pieces, count, offset, code) : NEXT(pwritev64)(file, pieces, count, offset);
}

int ftruncate(int file, off_t size) {
    int code = fault_on(file, "ftruncate");
    if (!code) return NEXT(ftruncate)(file, size);
    errno = code;
    return -1;
}

int ftruncate64(int file, off64_t size) {
    int code = fault_on(file, "ftruncate");
    if (!code) return NEXT(ftruncate64)(file, size);
    errno = code;
    return -1;
}

int posix_fallocate(int file, off_t offset, off_t size) {
    int code = fault_on(file, "posix_fallocate");
    return code ? code : NEXT(posix_fallocate)(file, offset, size);
}

int posix_fallocate64(int file, off64_t offset, off64_t size) {
    int code = fault_on(file, "posix_fallocate");
    return code ? code : NEXT(posix_fallocate64)(file, offset, size);
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    int code = is_journal(path) ? fault("open") : 0;
    if (!code) return NEXT(open)(path, flags, mode);
    errno = code;
    return -1;
}
