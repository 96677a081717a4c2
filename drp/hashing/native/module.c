/* drp_hash_native: the compiled core of drp's hashing. It keeps to the rules of drp/hashing/reading/core.py, byte for byte.
 *
 * look()    simple files of one directory: openat, read, digest, fstat, close, without the interpreter's lock
 * entries() what a directory holds
 * tree()    the Merkle node over the entries of one group (drp/manifests/merkle.py)
 * digest(), sound()  known answers
 *
 * A file is simple when one fstat after the read says: regular, one link, as long as what was read, and a ctime older
 * than the horizon. Whatever is not is handed back open, or with the errno that opening it gave, and not judged here.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#define _GNU_SOURCE
#include <Python.h>

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "blake3.h"

#define VERSION "0.1.0"
enum { INTERFACE = 3, DIGEST = 32, FIXED = 20, OWNER = 8, CODES = 2, SALT = 16, FAN_OUT = 16 };
enum { WINDOW = 4096, ROWS_LIMIT = 1 << 24, AHEAD_BYTES = 1 << 20 };
enum { BLAKE3 = 0, SHA256 = 1 };
static EVP_MD *sha256;

/* --- digests ------------------------------------------------------------------------------------------------- */

typedef struct {
    const unsigned char *codes;
    Py_ssize_t count;
    blake3_hasher blake3;
    EVP_MD_CTX *sha;
    int failed;
} digester;

static void digest_start(digester *d) {
    for (Py_ssize_t i = 0; i < d->count; i++) {
        if (d->codes[i] == BLAKE3)
            blake3_hasher_init(&d->blake3);
        else if (!EVP_DigestInit_ex(d->sha, sha256, NULL))
            d->failed = 1;
    }
}

static void digest_add(digester *d, const void *data, size_t length) {
    for (Py_ssize_t i = 0; i < d->count; i++) {
        if (d->codes[i] == BLAKE3)
            blake3_hasher_update(&d->blake3, data, length);
        else if (!EVP_DigestUpdate(d->sha, data, length))
            d->failed = 1;
    }
}

static void digest_end(digester *d, unsigned char *out) {
    for (Py_ssize_t i = 0; i < d->count; i++, out += DIGEST) {
        if (d->codes[i] == BLAKE3)
            blake3_hasher_finalize(&d->blake3, out, DIGEST);
        else if (!EVP_DigestFinal_ex(d->sha, out, NULL))
            d->failed = 1;
    }
}

/* Take up to two different algorithms; give an exception and -1 for anything else. */
static int digester_make(digester *d, const char *codes, Py_ssize_t count) {
    memset(d, 0, sizeof *d);
    int known = count >= 1 && count <= CODES;
    for (Py_ssize_t i = 0; known && i < count; i++)
        known = (codes[i] == BLAKE3 || codes[i] == SHA256) && (i == 0 || codes[i] != codes[0]);
    if (!known) {
        PyErr_SetString(PyExc_ValueError, "one or two different algorithms: 0 (blake3), 1 (sha256)");
        return -1;
    }
    d->codes = (const unsigned char *)codes;
    d->count = count;
    d->sha = EVP_MD_CTX_new();
    if (d->sha == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* --- looking at simple files ------------------------------------------------------------------------------------ */

typedef struct {
    int directory, flags, forget, attributes;
    Py_ssize_t ahead;
    int *opened; /* row -> descriptor of what was opened ahead, or -1; NULL: nothing is */
    Py_ssize_t opened_to;
    unsigned char *buffer;
    size_t capacity;
    int64_t horizon, most;
    digester digester;
} means;

typedef struct {
    int descriptor, error; /* of the entry that is not simple */
    Py_ssize_t done, slow_row;
    int64_t size, slow_nanoseconds, slow_size;
} outcome;

static ssize_t read_some(int descriptor, void *buffer, size_t length) {
    ssize_t got;
    do
        got = read(descriptor, buffer, length);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Nanoseconds since the epoch; returns -1 when they do not fit. */
static int nanoseconds(const struct timespec *time, int64_t *result) {
    return __builtin_mul_overflow((int64_t)time->tv_sec, (int64_t)1000000000, result) ||
                   __builtin_add_overflow(*result, (int64_t)time->tv_nsec, result)
               ? -1
               : 0;
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Digest an open file from its first piece, which is in the buffer. Returns its length; -1: errno; -2: not simple. */
static int64_t digest_file(means *m, int descriptor, ssize_t got, unsigned char *out) {
    int64_t count = got;
    digest_start(&m->digester);
    digest_add(&m->digester, m->buffer, (size_t)got);
    if ((size_t)got == m->capacity) {
        struct stat seen;
        if (fstat(descriptor, &seen))
            return -1;
        if (!S_ISREG(seen.st_mode) || seen.st_nlink != 1 || seen.st_size >= m->most ||
            (int64_t)seen.st_blocks * 512 < seen.st_size)
            return -2;
        while ((got = read_some(descriptor, m->buffer, m->capacity)) > 0) {
            digest_add(&m->digester, m->buffer, (size_t)got);
            count += got;
            if (count >= m->most)
                return -2;
        }
        if (got < 0)
            return -1;
    }
    digest_end(&m->digester, out);
    return count;
}

static int open_at(const means *m, const char *name) {
    int descriptor;
    do
        descriptor = openat(m->directory, name, m->flags);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/* Keep the device's queue as deep as was asked: the files up to ``ahead`` rows from here are open and asked for. */
static void open_ahead(means *m, const char **names, Py_ssize_t at, Py_ssize_t count) {
    Py_ssize_t to = count - at < m->ahead ? count : at + m->ahead;
    for (; m->opened_to < to; m->opened_to++) {
        int descriptor = m->opened[m->opened_to] = open_at(m, names[m->opened_to]);
        if (descriptor >= 0) /* else look_at meets the error again, and says so */
            posix_fadvise(descriptor, 0, AHEAD_BYTES, POSIX_FADV_WILLNEED);
    }
}

/* Whether an open file has an attribute that drp/manifests/attributes.py may look at, or cannot say. */
static int has_attributes(int descriptor) {
    static const char *const kept[] = {"user.", "system.posix_acl_", "security.capability", "trusted."};
    char names[1024];
    ssize_t length = flistxattr(descriptor, names, sizeof names);
    if (length < 0)
        return errno != ENOTSUP;
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1)
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (!strncmp(names + at, kept[i], strlen(kept[i])))
                return 1;
    return 0;
}

/* Returns 1 for a simple file, whose columns are filled; 0 for anything else, which is left in the outcome. */
static int look_at(means *m, const char *name, outcome *o, unsigned char *fixed, unsigned char *owner,
                   unsigned char *digests) {
    int descriptor = -1;
    if (m->opened != NULL) {
        descriptor = m->opened[o->done];
        m->opened[o->done] = -1; /* from here on it is ours, or the caller's */
    }
    if (descriptor < 0)
        descriptor = open_at(m, name);
    if (descriptor < 0) {
        o->error = errno;
        return 0;
    }
    if (m->attributes && has_attributes(descriptor)) { /* before the read: a later change shows in the ctime */
        o->descriptor = descriptor;
        return 0;
    }
    ssize_t got = read_some(descriptor, m->buffer, m->capacity);
    int64_t started = got > 0 && (size_t)got == m->capacity ? now() : 0;
    int64_t count = got < 0 ? -1 : digest_file(m, descriptor, got, digests);
    struct stat seen;
    if (count == -1 || fstat(descriptor, &seen)) {
        o->error = errno;
        o->descriptor = descriptor;
        return 0;
    }
    int64_t changed, modified;
    if (count < 0 || seen.st_size != count || !S_ISREG(seen.st_mode) || seen.st_nlink != 1 ||
        nanoseconds(&seen.st_ctim, &changed) || changed >= m->horizon || nanoseconds(&seen.st_mtim, &modified)) {
        o->descriptor = descriptor;
        return 0;
    }
    if (m->forget) /* what was read from the device just now is dropped from memory */
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    close(descriptor);
    if (started) {
        int64_t took = now() - started;
        if (took > 0 && (o->slow_row < 0 || (double)count / (double)took <
                                                (double)o->slow_size / (double)o->slow_nanoseconds)) {
            o->slow_row = o->done;
            o->slow_nanoseconds = took;
            o->slow_size = count;
        }
    }
    uint32_t mode = htole32((uint32_t)seen.st_mode), uid = htole32(seen.st_uid), gid = htole32(seen.st_gid);
    uint64_t size = htole64((uint64_t)count), mtime = htole64((uint64_t)modified);
    memcpy(fixed, &mode, 4);
    memcpy(fixed + 4, &size, 8);
    memcpy(fixed + 12, &mtime, 8);
    memcpy(owner, &uid, 4);
    memcpy(owner + 4, &gid, 4);
    o->size += count;
    return 1;
}

/* The names up to the first that is among the others, as C strings that live as long as the list. */
static Py_ssize_t simple_names(PyObject *names, PyObject *others, const char **result) {
    Py_ssize_t count = PyList_Size(names);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyList_GetItem(names, i);
        char *text;
        Py_ssize_t length;
        if (name == NULL || PyBytes_AsStringAndSize(name, &text, &length))
            return -1;
        int other = PySequence_Contains(others, name);
        if (other < 0)
            return -1;
        if (other)
            return i;
        if (memchr(text, 0, (size_t)length)) {
            PyErr_SetString(PyExc_ValueError, "a name holds a zero byte");
            return -1;
        }
        result[i] = text;
    }
    return count;
}

/* Runs the window without the lock. Returns 0, or -1 with an exception. */
static int run(means *m, const char **names, Py_ssize_t count, int64_t budget, outcome *o, PyObject **columns) {
    const Py_ssize_t widths[3] = {FIXED, OWNER, DIGEST * m->digester.count};
    unsigned char *start[3] = {NULL, NULL, NULL};
    int failed = m->ahead > 0 && (m->opened = PyMem_Malloc((size_t)(count + 1) * sizeof *m->opened)) == NULL;
    for (int i = 0; i < 3; i++)
        failed |= (start[i] = PyMem_Malloc((size_t)(count + 1) * (size_t)widths[i])) == NULL;
    if (!failed) {
        Py_BEGIN_ALLOW_THREADS
        while (o->done < count && o->size < budget && !m->digester.failed) {
            Py_ssize_t at = o->done;
            if (m->opened != NULL)
                open_ahead(m, names, at, count);
            if (!look_at(m, names[at], o, start[0] + at * widths[0], start[1] + at * widths[1],
                         start[2] + at * widths[2]))
                break;
            o->done++;
        }
        for (Py_ssize_t at = o->done; at < m->opened_to; at++)
            if (m->opened[at] >= 0)
                close(m->opened[at]);
        Py_END_ALLOW_THREADS
        if (m->digester.failed)
            PyErr_SetString(PyExc_RuntimeError, "OpenSSL cannot compute SHA-256");
        failed = m->digester.failed;
        for (int i = 0; !failed && i < 3; i++)
            failed = (columns[i] = PyBytes_FromStringAndSize((const char *)start[i], o->done * widths[i])) == NULL;
    } else
        PyErr_NoMemory();
    for (int i = 0; i < 3; i++)
        PyMem_Free(start[i]);
    PyMem_Free(m->opened);
    return failed ? -1 : 0;
}

static PyObject *look(PyObject *self, PyObject *arguments) {
    (void)self;
    PyObject *all, *others, *columns[3] = {NULL, NULL, NULL}, *names = NULL, *result = NULL;
    Py_ssize_t start, stop, codes_length;
    const char *codes;
    long long horizon, most, budget;
    Py_buffer buffer;
    means m = {.opened = NULL, .opened_to = 0};
    if (!PyArg_ParseTuple(arguments, "iO!nnOiw*Ly#LLnpp:look", &m.directory, &PyList_Type, &all, &start, &stop, &others,
                          &m.flags, &buffer, &horizon, &codes, &codes_length, &most, &budget, &m.ahead, &m.forget,
                          &m.attributes))
        return NULL;
    outcome o = {.descriptor = -1, .slow_row = -1};
    const char **texts = NULL;
    if (digester_make(&m.digester, codes, codes_length)) {
        PyBuffer_Release(&buffer);
        return NULL;
    }
    m.buffer = buffer.buf;
    m.capacity = (size_t)buffer.len;
    m.horizon = horizon;
    m.most = most;
    if (m.flags & ~(O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOATIME | O_DIRECT)) {
        PyErr_SetString(PyExc_ValueError, "flags that do more than read");
        goto end;
    }
    m.flags |= O_NOFOLLOW | O_CLOEXEC;
    if (start < 0 || stop < start || stop > PyList_Size(all) || buffer.len < 4096 || m.ahead < 0 || m.ahead > WINDOW) {
        PyErr_SetString(PyExc_ValueError, "a span beyond the names, a buffer below 4096 bytes, or too many files ahead");
        goto end;
    }
    if (stop - start > WINDOW)
        stop = start + WINDOW;
    names = PyList_GetSlice(all, start, stop); /* ours alone: the names stay alive without the lock */
    texts = PyMem_Malloc((size_t)(stop - start + 1) * sizeof *texts);
    if (names == NULL || texts == NULL) {
        if (names != NULL)
            PyErr_NoMemory();
        goto end;
    }
    Py_ssize_t count = simple_names(names, others, texts);
    int ran = count >= 0 && !run(&m, texts, count, budget, &o, columns);
    PyObject *slow = !ran ? NULL
                     : o.slow_row < 0
                         ? Py_NewRef(Py_None)
                         : Py_BuildValue("nLL", start + o.slow_row, (long long)o.slow_nanoseconds, (long long)o.slow_size);
    if (slow != NULL)
        result = Py_BuildValue("niiOOOLN", o.done, o.descriptor, o.error, columns[0], columns[1], columns[2],
                               (long long)o.size, slow);
    if (result == NULL && o.descriptor >= 0)
        close(o.descriptor);
end:
    for (int i = 0; i < 3; i++)
        Py_XDECREF(columns[i]);
    Py_XDECREF(names);
    PyMem_Free(texts);
    EVP_MD_CTX_free(m.digester.sha);
    PyBuffer_Release(&buffer);
    return result;
}

/* --- listing -------------------------------------------------------------------------------------------------- */

static int append(PyObject *list, PyObject *name) { return name == NULL || PyList_Append(list, name); }

/* Returns names, names of what is no regular file, names of directories; None when a kind is not known. */
static PyObject *entries(PyObject *self, PyObject *argument) {
    (void)self;
    int directory = PyObject_AsFileDescriptor(argument);
    if (directory < 0)
        return NULL;
    int own = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *stream = own < 0 ? NULL : fdopendir(own);
    if (stream == NULL) {
        PyErr_SetFromErrno(PyExc_OSError);
        if (own >= 0)
            close(own);
        return NULL;
    }
    PyObject *names = PyList_New(0), *others = PyList_New(0), *directories = PyList_New(0), *result = NULL;
    int failed = names == NULL || others == NULL || directories == NULL, unknown = 0;
    while (!failed && !unknown) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            if (errno) {
                PyErr_SetFromErrno(PyExc_OSError);
                failed = 1;
            }
            break;
        }
        const char *text = entry->d_name;
        if (text[0] == '.' && (text[1] == 0 || (text[1] == '.' && text[2] == 0)))
            continue;
        unknown = entry->d_type == DT_UNKNOWN;
        PyObject *name = PyBytes_FromString(text);
        failed = append(names, name) || (entry->d_type != DT_REG && append(others, name)) ||
                 (entry->d_type == DT_DIR && append(directories, name));
        Py_XDECREF(name);
    }
    closedir(stream);
    if (!failed && unknown)
        result = Py_NewRef(Py_None);
    else if (!failed && !PyList_Sort(names) && !PyList_Sort(directories))
        result = PyTuple_Pack(3, names, others, directories);
    Py_XDECREF(names);
    Py_XDECREF(others);
    Py_XDECREF(directories);
    return result;
}

/* --- BLAKE2b-256 with salt and personalisation (RFC 7693), for the Merkle tree ------------------------------------ */

typedef struct {
    uint64_t h[8], count;
    unsigned char block[128];
    size_t used;
} blake2b;

static const uint64_t IV[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                               0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
static const unsigned char SIGMA[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

static inline uint64_t rotate(uint64_t word, int by) { return word >> by | word << (64 - by); }

#define MIX(a, b, c, d, x, y)                                                                                          \
    do {                                                                                                               \
        a += b + (x), d = rotate(d ^ a, 32), c += d, b = rotate(b ^ c, 24);                                            \
        a += b + (y), d = rotate(d ^ a, 16), c += d, b = rotate(b ^ c, 63);                                            \
    } while (0)

static void blake2b_compress(blake2b *s, int last) {
    uint64_t m[16], v[16];
    for (int i = 0; i < 16; i++) {
        uint64_t word;
        memcpy(&word, s->block + 8 * i, 8);
        m[i] = le64toh(word);
    }
    for (int i = 0; i < 8; i++) {
        v[i] = s->h[i];
        v[i + 8] = IV[i];
    }
    v[12] ^= s->count;
    if (last)
        v[14] = ~v[14];
    for (int r = 0; r < 12; r++) {
        const unsigned char *g = SIGMA[r];
        MIX(v[0], v[4], v[8], v[12], m[g[0]], m[g[1]]);
        MIX(v[1], v[5], v[9], v[13], m[g[2]], m[g[3]]);
        MIX(v[2], v[6], v[10], v[14], m[g[4]], m[g[5]]);
        MIX(v[3], v[7], v[11], v[15], m[g[6]], m[g[7]]);
        MIX(v[0], v[5], v[10], v[15], m[g[8]], m[g[9]]);
        MIX(v[1], v[6], v[11], v[12], m[g[10]], m[g[11]]);
        MIX(v[2], v[7], v[8], v[13], m[g[12]], m[g[13]]);
        MIX(v[3], v[4], v[9], v[14], m[g[14]], m[g[15]]);
    }
    for (int i = 0; i < 8; i++)
        s->h[i] ^= v[i] ^ v[i + 8];
}

/* ``salt``: 16 bytes or NULL; ``person``: up to 16 bytes, padded with zeros. */
static void blake2b_start(blake2b *s, const unsigned char *salt, const char *person, size_t person_length) {
    unsigned char parameters[64] = {DIGEST, 0, 1, 1};
    if (salt != NULL)
        memcpy(parameters + 32, salt, SALT);
    memcpy(parameters + 48, person, person_length);
    for (int i = 0; i < 8; i++) {
        uint64_t word;
        memcpy(&word, parameters + 8 * i, 8);
        s->h[i] = IV[i] ^ le64toh(word);
    }
    s->count = s->used = 0;
}

static void blake2b_add(blake2b *s, const void *data, size_t length) {
    const unsigned char *from = data;
    while (length) {
        if (s->used == sizeof s->block) {
            s->count += sizeof s->block;
            blake2b_compress(s, 0);
            s->used = 0;
        }
        size_t take = sizeof s->block - s->used < length ? sizeof s->block - s->used : length;
        memcpy(s->block + s->used, from, take);
        s->used += take;
        from += take;
        length -= take;
    }
}

static void blake2b_end(blake2b *s, unsigned char *out) {
    memset(s->block + s->used, 0, sizeof s->block - s->used);
    s->count += s->used;
    blake2b_compress(s, 1);
    for (int i = 0; i < DIGEST / 8; i++) {
        uint64_t word = htole64(s->h[i]);
        memcpy(out + 8 * i, &word, 8);
    }
}

/* --- the Merkle node of a group ------------------------------------------------------------------------------- */

typedef struct {
    const char *prefix, *fixed, *owners, *digests, *salts, *leaf, *node;
    Py_ssize_t prefix_length, fixed_length, owners_length, digests_length, salts_length, leaf_length, node_length;
} columns;

static int leaves(const columns *c, PyObject *names, Py_ssize_t count, unsigned char *level) {
    Py_ssize_t width = c->digests_length / count;
    for (Py_ssize_t i = 0; i < count; i++) {
        char *text;
        Py_ssize_t length;
        PyObject *name = PyList_GetItem(names, i);
        if (name == NULL || PyBytes_AsStringAndSize(name, &text, &length))
            return -1;
        blake2b state;
        blake2b_start(&state, (const unsigned char *)c->salts + i * SALT, c->leaf, (size_t)c->leaf_length);
        blake2b_add(&state, c->prefix, (size_t)c->prefix_length);
        blake2b_add(&state, text, (size_t)length + 1); /* with the zero byte that ends every bytes object */
        blake2b_add(&state, c->fixed + i * FIXED, FIXED);
        blake2b_add(&state, c->owners + i * OWNER, OWNER);
        blake2b_add(&state, c->digests + i * width, (size_t)width);
        blake2b_end(&state, level + i * DIGEST);
    }
    return 0;
}

/* The node over a group of regular files without extras: merkle.tree(merkle.fast_leaves(…)). */
static PyObject *tree(PyObject *self, PyObject *arguments) {
    (void)self;
    columns c;
    PyObject *names;
    if (!PyArg_ParseTuple(arguments, "y#O!y#y#y#y#y#y#:tree", &c.prefix, &c.prefix_length, &PyList_Type, &names,
                          &c.fixed, &c.fixed_length, &c.owners, &c.owners_length, &c.digests, &c.digests_length,
                          &c.salts, &c.salts_length, &c.leaf, &c.leaf_length, &c.node, &c.node_length))
        return NULL;
    Py_ssize_t count = PyList_Size(names);
    if (count < 1 || count > ROWS_LIMIT || c.fixed_length != count * FIXED || c.owners_length != count * OWNER ||
        c.salts_length != count * SALT || c.digests_length % count || c.leaf_length > 16 || c.node_length > 16) {
        PyErr_SetString(PyExc_ValueError, "the columns do not fit the names");
        return NULL;
    }
    unsigned char *level = PyMem_Malloc((size_t)count * DIGEST);
    if (level == NULL)
        return PyErr_NoMemory();
    PyObject *result = NULL;
    if (!leaves(&c, names, count, level)) {
        while (count > 1) {
            Py_ssize_t parents = 0;
            for (Py_ssize_t at = 0; at < count; at += FAN_OUT) {
                blake2b state;
                blake2b_start(&state, NULL, c.node, (size_t)c.node_length);
                blake2b_add(&state, level + at * DIGEST, (size_t)(count - at < FAN_OUT ? count - at : FAN_OUT) * DIGEST);
                blake2b_end(&state, level + parents++ * DIGEST); /* never ahead of what is still to be read */
            }
            count = parents;
        }
        result = PyBytes_FromStringAndSize((const char *)level, DIGEST);
    }
    PyMem_Free(level);
    return result;
}

/* --- known answers -------------------------------------------------------------------------------------------- */

static PyObject *digest(PyObject *self, PyObject *arguments) {
    (void)self;
    const char *codes;
    Py_ssize_t length;
    Py_buffer data;
    digester d;
    unsigned char out[DIGEST * CODES];
    if (!PyArg_ParseTuple(arguments, "y#y*:digest", &codes, &length, &data))
        return NULL;
    PyObject *result = NULL;
    if (!digester_make(&d, codes, length)) {
        digest_start(&d);
        digest_add(&d, data.buf, (size_t)data.len);
        digest_end(&d, out);
        EVP_MD_CTX_free(d.sha);
        if (d.failed)
            PyErr_SetString(PyExc_RuntimeError, "OpenSSL cannot compute SHA-256");
        else
            result = PyBytes_FromStringAndSize((const char *)out, DIGEST * length);
    }
    PyBuffer_Release(&data);
    return result;
}

static PyObject *sound(PyObject *self, PyObject *nothing) {
    (void)self, (void)nothing;
    static const unsigned char codes[2] = {BLAKE3, SHA256}, known[16] = {
        0x64, 0x37, 0xb3, 0xac, 0x38, 0x46, 0x51, 0x33,  /* BLAKE3 of abc */
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea}; /* SHA-256 of abc: FIPS 180-4 */
    unsigned char out[DIGEST * CODES];
    digester d;
    if (digester_make(&d, (const char *)codes, 2))
        return NULL;
    digest_start(&d);
    digest_add(&d, "abc", 3);
    digest_end(&d, out);
    EVP_MD_CTX_free(d.sha);
    return PyBool_FromLong(!d.failed && !memcmp(out, known, 8) && !memcmp(out + DIGEST, known + 8, 8));
}

static PyMethodDef methods[] = {
    {"look", look, METH_VARARGS,
     "look(directory, names, start, stop, others, flags, buffer, horizon, codes, most, budget, ahead, forget, attributes)\n"
     "-> (rows done, descriptor or -1, errno or 0, fixed, owners, digests, bytes, (row, ns, bytes) or None)"},
    {"entries", entries, METH_O, "entries(directory) -> (names, others, directories), or None"},
    {"tree", tree, METH_VARARGS, "tree(prefix, names, fixed, owners, digests, salts, leaf, node) -> bytes"},
    {"digest", digest, METH_VARARGS, "digest(codes, data) -> bytes"},
    {"sound", sound, METH_NOARGS, "sound() -> whether known answers come out"},
    {NULL, NULL, 0, NULL}};

static int prepare(PyObject *module) {
    if (sha256 == NULL)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (sha256 == NULL) {
        PyErr_SetString(PyExc_ImportError, "OpenSSL has no SHA-256");
        return -1;
    }
    return PyModule_AddIntConstant(module, "INTERFACE", INTERFACE) ||
                   PyModule_AddStringConstant(module, "VERSION", VERSION)
               ? -1
               : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, prepare}, {0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "drp_hash_native", "The compiled core of drp's hashing.",
                                        0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_drp_hash_native(void) { return PyModuleDef_Init(&definition); }
