/* Calls that are made together (store_combine(), run.h), as tests look at them. */
#ifndef STORE_COMBINE_H
#define STORE_COMBINE_H

#include "store/run.h"

/* How many wait to be taken along. */
uint32_t store_combine_waiting(farm_session *session, uint32_t object);

#endif
