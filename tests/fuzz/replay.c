// Runs a fuzzer without libFuzzer: the seed files of a folder as they are, then deterministic
// mutations of each. usage: replay_NAME FOLDER [MUTATIONS PER SEED]
#include "fuzz.h"

#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"

#define MUTATIONS 3000
#define GROWTH 64

// In a block of exactly the size, so that reading beyond it shows under a sanitizer.
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    FUZZ_CHECK(copy);
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void mutate_bytes(struct belay_rng *r, uint8_t *data, size_t size)
{
    static const uint8_t telling[] = { 0, 1, 0x7F, 0x80, 0xFF, '"', '{', '}', '[', ']', ',', ':',
                                       '\\', '\n', '0', '9', '-', ' ' };
    size_t at = belay_rng_below(r, (uint32_t) size);

    if (belay_rng_below(r, 2))
        data[at] = telling[belay_rng_below(r, sizeof(telling))];
    else
        data[at] = (uint8_t) (data[at] ^ (1u << belay_rng_below(r, 8)));
}

// Copies a piece to another place of the file: over what stands there, or between.
static size_t mutate_piece(struct belay_rng *r, uint8_t *data, size_t size)
{
    size_t length = 1 + belay_rng_below(r, size < GROWTH ? (uint32_t) size : GROWTH);
    size_t from = belay_rng_below(r, (uint32_t) (size - length + 1));
    size_t to = belay_rng_below(r, (uint32_t) (size - length + 1));
    uint8_t piece[GROWTH];

    memcpy(piece, data + from, length);
    if (belay_rng_below(r, 2)) {
        memmove(data + to + length, data + to, size - to);
        size += length;
    }
    memcpy(data + to, piece, length);
    return size;
}

static size_t cut_piece(struct belay_rng *r, uint8_t *data, size_t size)
{
    size_t length = 1 + belay_rng_below(r, size < GROWTH ? (uint32_t) size : GROWTH);
    size_t at = belay_rng_below(r, (uint32_t) (size - length + 1));

    memmove(data + at, data + at + length, size - at - length);
    return size - length;
}

// `data` has room for 4 * GROWTH bytes more.
static size_t mutate(struct belay_rng *r, uint8_t *data, size_t size)
{
    unsigned rounds = 1 + belay_rng_below(r, 4);

    for (unsigned i = 0; i < rounds && size > 0; i++) {
        switch (belay_rng_below(r, 8)) {
        case 0:
            size = cut_piece(r, data, size);
            break;
        case 1:
            size = mutate_piece(r, data, size);
            break;
        case 2:
            size = belay_rng_below(r, (uint32_t) size);
            break;
        default:
            mutate_bytes(r, data, size);
            break;
        }
    }
    return size;
}

static int replay_seed(const char *path, uint64_t stream, int mutations)
{
    char *seed;
    size_t size;
    uint8_t *work;
    struct belay_rng r;

    if (belay_file_read(NULL, path, 1 << 20, &seed, &size) != BELAY_OK) {
        fprintf(stderr, "cannot read %s\n", path);
        return 1;
    }
    work = malloc(size + 4 * GROWTH);
    FUZZ_CHECK(work);
    run((const uint8_t *) seed, size);
    belay_rng_init(&r, 1, stream);
    for (int i = 0; i < mutations; i++) {
        memcpy(work, seed, size);
        run(work, mutate(&r, work, size));
    }
    free(work);
    belay_free(seed);
    return 0;
}

int main(int argc, char **argv)
{
    int mutations = argc > 2 ? atoi(argv[2]) : MUTATIONS, failed = 0;
    char **names;
    size_t count;

    if (argc < 2 || belay_dir_list(NULL, argv[1], &names, &count) != BELAY_OK || count == 0) {
        fprintf(stderr, "usage: %s FOLDER-WITH-SEEDS [MUTATIONS]\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        char *path = belay_path_join(argv[1], names[i]);
        failed |= path ? replay_seed(path, i, mutations) : 1;
        belay_free(path);
    }
    printf("%zu seeds, %d mutations of each\n", count, mutations);
    belay_names_free(names, count);
    return failed;
}
