/* Keeps beside the files of $SYNC_SHADOW_OF what of them is on the medium: in $SYNC_SHADOW each file is as it was at its last sync, and
 * there if its directory was synced since it came. For LD_PRELOAD. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void must(int so) {
    if (!so) abort();
}

static void name_of(char *to, const char *folder, const char *mark, const char *name) {
    must(snprintf(to, PATH_MAX, "%s/%s%s", folder, mark, name) < PATH_MAX);
}

/* From the descriptor that was synced: to open and close the file once more would drop the locks that SQLite has on it. */
static void keep(int file, const char *shadow, const char *name) {
    char copy[PATH_MAX], kept[PATH_MAX];
    static char bytes[1 << 16];
    name_of(copy, shadow, ".copy-", name);
    name_of(kept, shadow, "", name);
    if (access(kept, F_OK) != 0) name_of(kept, shadow, ".unnamed-", name);
    int to = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(to >= 0);
    ssize_t got;
    for (off_t at = 0; (got = pread(file, bytes, sizeof bytes, at)) > 0; at += got) must(write(to, bytes, got) == got);
    must(got == 0 && close(to) == 0 && rename(copy, kept) == 0);
}

/* A directory that is synced has the names that it has. */
static void keep_names(const char *folder, const char *shadow) {
    static const char unnamed[] = ".unnamed-";
    char from[PATH_MAX], to[PATH_MAX];
    DIR *entries = opendir(shadow);
    must(entries != NULL);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        const char *name = entry->d_name;
        int is_unnamed = strncmp(name, unnamed, sizeof unnamed - 1) == 0;
        if (name[0] == '.' && !is_unnamed) continue;
        name_of(from, shadow, "", name);
        if (is_unnamed) name += sizeof unnamed - 1;
        name_of(to, folder, "", name);
        int there = access(to, F_OK) == 0;
        name_of(to, shadow, "", name);
        if (!there) unlink(from);
        else if (is_unnamed) must(rename(from, to) == 0);
    }
    closedir(entries);
}

static int synced(int file, const char *call) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
    int told = real(file);
    const char *folder = getenv("SYNC_SHADOW_OF"), *shadow = getenv("SYNC_SHADOW");
    if (told != 0 || folder == NULL || shadow == NULL) return told;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    must(length > 0);
    path[length] = 0;
    size_t prefix = strlen(folder);
    if (strncmp(path, folder, prefix) != 0) return told;
    pthread_mutex_lock(&one_at_a_time);
    if (path[prefix] == 0) keep_names(folder, shadow);
    else if (path[prefix] == '/' && strstr(path, " (deleted)") == NULL) keep(file, shadow, path + prefix + 1);
    pthread_mutex_unlock(&one_at_a_time);
    return told;
}

int fsync(int file) {
    return synced(file, "fsync");
}

int fdatasync(int file) {
    return synced(file, "fdatasync");
}
