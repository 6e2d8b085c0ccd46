// Which windows does a slice train on, which came before it, and what does "no drift" look like?
//
// Concept: the windows of slice i, the memory (training windows of slices 0 .. i - 1) and the
//          reference of the drift gate (windows held out before). In protocol `stream` every slice
//          keeps each user's last window out of training; elsewhere only slice 0 keeps windows out.
// Source:  METHOD section 2 ("stream", "Held-out part of S"), section 4 ("Drift gate").
// Limit:   an appended slice of a data set cut otherwise than `stream` keeps nothing out, so the
//          reference stays that of slice 0.
// Errors:  kInvalidArgument for a slice the data lacks; CheckHasTraining throws kNotFound.
#pragma once

#include "data/prepared_data.h"
#include "data/windows.h"
#include "methods/method.h"

namespace raie {

struct SliceWindows {
  WindowSet training;
  WindowSet memory;
  WindowSet reference;
};

SliceWindows MakeSliceWindows(const PreparedData& data, int slice);

// Returns slice i as a method learns from it; `windows` must outlive it.
AdaptSlice MakeAdaptSlice(const PreparedData& data, int slice, const SliceWindows& windows);

// Throws kInvalidArgument if a slice has nothing to train on.
void CheckHasTraining(const SliceWindows& windows, int slice, const PreparedData& data);

}  // namespace raie
