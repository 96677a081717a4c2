/* The machine's limit: walk, openat, fstat, read, digest, close, with POSIX threads and nothing else.
 *
 * yardstick THREADS MODE(blake3|sha256|both) AHEAD(0|1) OUTPUT DIRECTORY
 * Directories are the unit of work; a file of 8 MiB or more is a unit of its own. One line a file goes to OUTPUT.
 * Without -DWITH_BLAKE3 only sha256 (OpenSSL) is there.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef WITH_BLAKE3
#include "blake3.h"
#endif

enum { BUFFER = 1 << 20, WINDOW = 256, LARGE = 8 << 20 };
typedef struct work { struct work *next; int large; char path[]; } work;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static work *stack;
static int pending, use_blake3, use_sha256, ahead;
static FILE *output;
static unsigned long total_files, total_bytes, total_errors;

static void push(const char *directory, const char *name, int large) {
    size_t length = strlen(directory) + (name ? strlen(name) + 1 : 0) + 1;
    work *item = malloc(sizeof *item + length);
    if (name) sprintf(item->path, "%s/%s", directory, name); else strcpy(item->path, directory);
    item->large = large;
    pthread_mutex_lock(&mutex);
    item->next = stack; stack = item; pending++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

typedef struct {
    unsigned char *buffer; EVP_MD_CTX *sha; char *text; size_t used; unsigned long files, bytes, errors;
} state;

static void emit(state *s, const struct stat *seen, const unsigned char *digest, int length, const char *path) {
    static const char hex[] = "0123456789abcdef";
    if (s->used > (1 << 20) - 8192) { fwrite(s->text, 1, s->used, output); s->used = 0; }
    char *at = s->text + s->used;
    for (int i = 0; i < length; i++) { *at++ = hex[digest[i] >> 4]; *at++ = hex[digest[i] & 15]; }
    at += sprintf(at, " %o %ld %ld.%09ld %s\n", seen->st_mode, (long)seen->st_size, (long)seen->st_mtim.tv_sec,
                  (long)seen->st_mtim.tv_nsec, path);
    s->used = at - s->text;
}

static void one(state *s, int fd, const char *directory, const char *name) {
    struct stat seen; unsigned char digest[64]; int length = 0; char path[4400];
    if (fstat(fd, &seen) || !S_ISREG(seen.st_mode)) { s->errors++; close(fd); return; }
    if (name && seen.st_size >= LARGE) { close(fd); push(directory, name, 1); return; }
#ifdef WITH_BLAKE3
    blake3_hasher hasher; if (use_blake3) blake3_hasher_init(&hasher);
#endif
    if (use_sha256) EVP_DigestInit_ex(s->sha, EVP_sha256(), NULL);
    long got, count = 0;
    while ((got = read(fd, s->buffer, BUFFER)) > 0) {
#ifdef WITH_BLAKE3
        if (use_blake3) blake3_hasher_update(&hasher, s->buffer, got);
#endif
        if (use_sha256) EVP_DigestUpdate(s->sha, s->buffer, got);
        count += got;
        if (count >= seen.st_size) break;
    }
    close(fd);
#ifdef WITH_BLAKE3
    if (use_blake3) { blake3_hasher_finalize(&hasher, digest, 32); length = 32; }
#endif
    if (use_sha256) { EVP_DigestFinal_ex(s->sha, digest + length, NULL); length += 32; }
    snprintf(path, sizeof path, name ? "%s/%s" : "%s", directory, name);
    emit(s, &seen, digest, length, path);
    s->files++; s->bytes += count;
}

static void directory(state *s, const char *path) {
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOATIME, count = 0;
    int dfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = dfd < 0 ? NULL : fdopendir(dfd);
    if (!listing) { s->errors++; return; }
    static __thread char names[WINDOW][256]; int fds[WINDOW];
    for (int more = 1; more;) {
        struct dirent *entry = readdir(listing);
        if (entry && entry->d_type == DT_DIR) {
            if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) push(path, entry->d_name, 0);
            continue;
        }
        if (entry && entry->d_type != DT_REG) continue;
        if (entry) strcpy(names[count++], entry->d_name); else more = 0;
        if (count < WINDOW && more) continue;
        for (int i = 0; i < count; i++) {
            if (!ahead) {
                int fd = openat(dfd, names[i], flags);
                if (fd < 0) s->errors++; else one(s, fd, path, names[i]);
            } else if ((fds[i] = openat(dfd, names[i], flags)) >= 0) posix_fadvise(fds[i], 0, 1 << 20, POSIX_FADV_WILLNEED);
        }
        for (int i = 0; ahead && i < count; i++) if (fds[i] < 0) s->errors++; else one(s, fds[i], path, names[i]);
        count = 0;
    }
    closedir(listing);
}

static void *run(void *unused) {
    (void)unused;
    state s = {.buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
               .sha = EVP_MD_CTX_new(), .text = malloc(1 << 20)};
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (!stack && pending) pthread_cond_wait(&changed, &mutex);
        work *item = stack;
        if (item) stack = item->next;
        pthread_mutex_unlock(&mutex);
        if (!item) break;
        if (item->large) {
            int fd = open(item->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOATIME);
            if (fd < 0) s.errors++; else one(&s, fd, item->path, NULL);
        } else directory(&s, item->path);
        free(item);
        pthread_mutex_lock(&mutex);
        if (!--pending) pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    pthread_mutex_lock(&mutex);
    fwrite(s.text, 1, s.used, output);
    total_files += s.files; total_bytes += s.bytes; total_errors += s.errors;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    int threads = atoi(argv[1]);
    use_sha256 = strcmp(argv[2], "blake3") != 0; use_blake3 = strcmp(argv[2], "sha256") != 0;
#ifndef WITH_BLAKE3
    if (use_blake3) return 3;
#endif
    ahead = atoi(argv[3]);
    if (!(output = fopen(argv[4], "w"))) return 2;
    push(argv[5], NULL, 0);
    pthread_t ids[256];
    for (int i = 1; i < threads; i++) pthread_create(&ids[i], NULL, run, NULL);
    run(NULL);
    for (int i = 1; i < threads; i++) pthread_join(ids[i], NULL);
    fclose(output);
    printf("%lu files %lu bytes %lu errors\n", total_files, total_bytes, total_errors);
    return total_errors != 0;
}
