#include "Variants.h"

#define LANES 2
#define VARIANT_NAME "baseline"
#define VARIANT crease_cell_kernels_baseline
#include "KernelTemplate.h"
