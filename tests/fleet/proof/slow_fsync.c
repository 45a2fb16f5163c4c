/* Loaded into a program by LD_PRELOAD: delays fsync() and fdatasync() of the files whose names begin with SLOW_FILE, for the
   seconds that are written in the file SLOW_FSYNC, if there is one. The leases, SLOW_FILE.leases-..., are not delayed. Each
   delayed call adds a byte to SLOW_FSYNC.count. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void delay(int file)
{
    char link[64], path[4096], name[4200];
    const char *flag = getenv("SLOW_FSYNC"), *slow = getenv("SLOW_FILE"), *base;
    double seconds = 0;
    ssize_t length;
    FILE *stream;

    if (!flag || !slow || !(stream = fopen(flag, "re")))
        return;
    if (fscanf(stream, "%lf", &seconds) != 1)
        seconds = 0;
    fclose(stream);
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0 || seconds <= 0)
        return;
    path[length] = 0;
    base = strrchr(path, '/');
    base = base ? base + 1 : path;
    if (strncmp(base, slow, strlen(slow)) || strstr(base, ".leases-"))
        return;
    struct timespec time = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
    snprintf(name, sizeof name, "%s.count", flag);
    int count = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (count >= 0) {
        if (write(count, ".", 1) != 1)
            perror("slow_fsync");
        close(count);
    }
}

int fsync(int file)
{
    int (*original)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    delay(file);
    return original(file);
}

int fdatasync(int file)
{
    int (*original)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    delay(file);
    return original(file);
}
