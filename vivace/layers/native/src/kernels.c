/* All kernels for one CPU kind: KIND names it, the compiler's flags say what it has. */

#include "vec.h"
#include "pool.h"
#include "attention.h"
#include "product.h"
#include "decode_one.h"
#include "decode_batch.h"
#include "sample.h"
#include "convnext.h"
