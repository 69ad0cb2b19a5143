// Rational operations of GMP (mpq) beside those of FLINT (fmpq), on the operands of `crease-bench rationals`:
//   apt-get install libgmp-dev libflint-dev
//   cc -O3 -o /tmp/gmp_against_flint Benchmarks/Races/gmp_against_flint.c -lflint -lgmp && /tmp/gmp_against_flint
// Prints nanoseconds an operation, the least of nine runs.
#include <flint/fmpq.h>
#include <flint/flint.h>
#include <gmp.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { COUNT = 1024, ROUNDS = 9, REPETITIONS = 40 };

static uint64_t state;
static uint64_t word(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 1;
}

/// An integer of the given number of bits at most, never 0.
static void integer(mpz_t z, int bits) {
    mpz_set_ui(z, 0);
    for (int left = bits; left > 0; left -= 60) {
        mpz_mul_2exp(z, z, 60);
        mpz_add_ui(z, z, word() >> 3);
    }
    mpz_fdiv_r_2exp(z, z, (mp_bitcnt_t)bits);
    mpz_setbit(z, 0);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define TIME(label, statement)                                           \
    do {                                                                 \
        double best = 1e300;                                             \
        for (int round = 0; round < ROUNDS; round++) {                   \
            double start = now();                                        \
            for (int r = 0; r < REPETITIONS; r++)                        \
                for (int i = 0; i + 1 < COUNT; i++) statement;           \
            double time = (now() - start) / REPETITIONS / (COUNT - 1);   \
            if (time < best) best = time;                                \
        }                                                                \
        printf("  %-12s %8.1f ns\n", label, best);                       \
    } while (0)

int main(void) {
    static mpq_t q[COUNT], z;
    static fmpq_t f[COUNT], g;
    volatile int sink = 0;
    mpq_init(z);
    fmpq_init(g);
    for (int i = 0; i < COUNT; i++) {
        mpq_init(q[i]);
        fmpq_init(f[i]);
    }
    int sizes[] = {8, 28, 60, 200, 1000};
    for (int s = 0; s < 5; s++) {
        state = 1;
        for (int i = 0; i < COUNT; i++) {
            integer(mpq_numref(q[i]), sizes[s]);
            integer(mpq_denref(q[i]), sizes[s]);
            mpq_canonicalize(q[i]);
            if (i % 2) mpq_neg(q[i], q[i]);
            fmpq_set_mpq(f[i], q[i]);
        }
        printf("%d bits\n", sizes[s]);
        TIME("GMP add", mpq_add(z, q[i], q[i + 1]));
        TIME("FLINT add", fmpq_add(g, f[i], f[i + 1]));
        TIME("GMP mul", mpq_mul(z, q[i], q[i + 1]));
        TIME("FLINT mul", fmpq_mul(g, f[i], f[i + 1]));
        TIME("GMP div", mpq_div(z, q[i], q[i + 1]));
        TIME("FLINT div", fmpq_div(g, f[i], f[i + 1]));
        TIME("GMP cmp", sink += mpq_cmp(q[i], q[i + 1]));
        TIME("FLINT cmp", sink += fmpq_cmp(f[i], f[i + 1]));
    }
    return 0;
}
