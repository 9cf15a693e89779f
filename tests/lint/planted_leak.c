/* A leak planted inside a Criterion test. Its process prints the sanitizer's report and Criterion
 * still counts it as passed: tests/CMakeLists.txt shows that our ctest entries do not. */
#include <criterion/criterion.h>
#include <stdlib.h>

static void *volatile kept;

Test(planted, a_leak) {
    kept = malloc(99);
    kept = NULL;

    cr_assert(1);
}
