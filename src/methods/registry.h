// Where are the methods made? One line a method; each is defined in the file of its name.
#pragma once

#include <memory>

#include "methods/method.h"

namespace raie {

std::unique_ptr<Method> MakeFrozen(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeRowsOnly(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeLora(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeLoraBig(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeLoraReplay(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeLoraLwf(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeLsat(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeMole(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeEbpr(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeRaie(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeRaieWithoutEditing(const RunContext& context,
                                               const AdaptOptions& options);
std::unique_ptr<Method> MakeRaieWithoutRouting(const RunContext& context,
                                               const AdaptOptions& options);
std::unique_ptr<Method> MakeRandomRegions(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeFullRetrain(const RunContext& context, const AdaptOptions& options);
std::unique_ptr<Method> MakeRecentPopularity(const RunContext& context,
                                             const AdaptOptions& options);

}  // namespace raie
