// How does text come out of a plain file, or out of an archive without unpacking it first?
//
// Concept: plain files are mapped whole. .gz .xz .zip .tar (and .tar.gz, .tar.xz) stream: Read
//          gives the next bytes of one member, so a member larger than memory is no problem.
//          An input is named "path" or "archive:member".
//          Checksums of .gz, .xz and .zip are compared; a .tar has none of its members.
// Errors:  kNotFound (file, member), kCorruptData (damaged or cut short, or another kind of
//          archive), kIo.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace raie {

struct InputName {
  std::string path;
  std::string member;  // "": not said

  std::string ToString() const { return member.empty() ? path : path + ":" + member; }
};

// Takes "archive.zip:member" apart; a file whose own name has a colon wins.
InputName ParseInputName(const std::string& text);

// Returns whether the file is a .zip or .tar, so that members can be named.
bool HasMembers(const std::string& path);

// Returns the names of the archive's regular files, in its order (without folders and the
// resource files of macOS).
std::vector<std::string> ListMembers(const std::string& path);

class TextInput {
 public:
  virtual ~TextInput() = default;
  // The whole text if it is mapped.
  virtual std::optional<std::string_view> mapped() const { return std::nullopt; }
  // Says that the first `bytes` of a mapped text were read for good; they may leave memory.
  virtual void Release(std::size_t bytes) { (void)bytes; }
  // Fills `buffer` as far as the text goes; 0 at its end. Throws on damage.
  virtual std::size_t Read(std::span<char> buffer) = 0;
};

// Opens a plain or compressed file, or the named member of an archive.
std::unique_ptr<TextInput> OpenInput(const InputName& name);

// Reads an input to its end.
std::string ReadAll(const InputName& name);

}  // namespace raie
