// What are the ids and units that cross every boundary?
//
// Concept: dense indices are types of their own, so that a user row, an item row and a region
//          cannot be mixed up. The ids found in a log ("raw ids") are strings and are never used
//          as indices.
// Units:   Timestamp is UTC seconds since 1970.
#pragma once

#include <cstdint>

namespace raie {

enum class UserId : std::int32_t {};    // dense row of a prepared data set's users
enum class ItemId : std::int32_t {};    // dense row of the item table
enum class RegionId : std::int32_t {};  // stable for the life of a model, never reused
enum class Timestamp : std::int64_t {};

inline constexpr ItemId kNoItem{-1};
inline constexpr RegionId kNoRegion{-1};

constexpr std::int32_t Index(UserId id) { return static_cast<std::int32_t>(id); }
constexpr std::int32_t Index(ItemId id) { return static_cast<std::int32_t>(id); }
constexpr std::int32_t Index(RegionId id) { return static_cast<std::int32_t>(id); }
constexpr std::int64_t Seconds(Timestamp time) { return static_cast<std::int64_t>(time); }

}  // namespace raie
