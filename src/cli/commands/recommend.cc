#include <algorithm>
#include <charconv>
#include <sstream>

#include "backbones/pretrained.h"
#include "base/files.h"
#include "cli/commands/commands.h"
#include "cli/table.h"
#include "cli/utf8.h"
#include "data/prepared_data.h"
#include "raie/error.h"
#include "raie/model.h"
#include "store/model_directory.h"

namespace raie::cli {
namespace {

struct RecommendArguments {
  std::string model;
  std::vector<std::string> history;
  std::string input;
  std::string user;
  std::string data;
  bool users_first = false;
  std::int64_t count = 10;
  bool exclude_seen = false;
  bool include_seen = false;
  std::int64_t version = kCurrentVersion;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.model, Field{.name = "model", .help = "model directory"});
    visit(self.history, Field{.name = "history",
                              .help = "item ids or titles, oldest first; ITEM@SECONDS where the "
                                      "backbone reads times (tisasrec)"});
    visit(self.input, Field{.name = "input",
                            .help = "file with one history a line, items as in --history, "
                                    "separated by tabs (- for standard input); every line is "
                                    "answered, with an error and "
                                    "exit code 3 where that cannot be"});
    visit(self.user,
          Field{.name = "user",
                .help = "raw id of the user who asks: the history is read from --data, or given by "
                        "--history; language models whose prompt has {user_id} read the id, too"});
    visit(self.data, Field{.name = "data", .help = "prepared data set, for --user"});
    visit(self.users_first,
          Field{.name = "users_first",
                .help = "every line of --input begins with the raw id of the user who asks and a "
                        "tab, or with the tab alone where the user is not known"});
    visit(self.count, Field{.name = "count",
                            .help = "recommendations for each history",
                            .unit = "items",
                            .minimum = 1,
                            .maximum = 1e6});
    visit(self.exclude_seen,
          Field{.name = "exclude_seen", .help = "never recommend an item of the history"});
    visit(self.include_seen, Field{.name = "include_seen",
                                   .help = "items of the history may be recommended again "
                                           "(default: as in the data of the model)"});
    visit(self.version, Field{.name = "version",
                              .help = "version that answers; -1: the current one",
                              .minimum = -1,
                              .maximum = kLargestNumber});
  }
};

// "ITEM@SECONDS"; what the model knows as it is written is taken whole, as is an id that holds an @
// without a number behind it.
HistoryItem ParseItem(const Model& model, const std::string& text) {
  if (model.Knows(text)) return {.item = text};
  const std::size_t at = text.rfind('@');
  if (at != std::string::npos && at + 1 < text.size() && at > 0) {
    std::int64_t seconds = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + at + 1, end, seconds);
    if (parsed.ec == std::errc() && parsed.ptr == end) {
      return {.item = text.substr(0, at), .time = Timestamp{seconds}};
    }
  }
  return {.item = text};
}

std::vector<HistoryItem> HistoryOfUser(const RecommendArguments& arguments) {
  if (arguments.data.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "--user needs --data, where the history is read, or --history");
  }
  const PreparedData data = PreparedData::Load(arguments.data);
  const UserId user = data.FindUser(arguments.user);
  if (Index(user) < 0) {
    throw Error(ErrorCode::kNotFound, "user \"" + arguments.user + "\" is not in " +
                                          arguments.data + " (raw ids are compared as text)");
  }
  const ModelDirectory model = ModelDirectory::Open(arguments.model);
  const std::int32_t version = arguments.version == kCurrentVersion
                                   ? model.current()
                                   : static_cast<std::int32_t>(arguments.version);
  CheckDataMatches(data, model.LoadInfo(version), model.LoadItemNames(version));
  std::vector<HistoryItem> history;
  const EventRange first = data.SliceEvents(user, 0);
  const EventRange last = data.SliceEvents(user, data.num_slices() - 1);
  for (std::int64_t row = first.begin; row < last.end; ++row) {
    history.push_back({.item = std::string(data.item_id(data.items()[row])),
                       .time = data.times()[row],
                       .is_id = true});
  }
  return history;
}

std::vector<HistoryItem> ParseHistory(const Model& model, const std::vector<std::string>& texts) {
  std::vector<HistoryItem> history;
  for (const std::string& text : texts) {
    if (!IsUtf8(text)) {
      throw Error(ErrorCode::kInvalidArgument,
                  "item " + std::to_string(history.size() + 1) +
                      " of the history is not valid UTF-8; convert it first: iconv -t UTF-8");
    }
    history.push_back(ParseItem(model, text));
  }
  return history;
}

void CheckUser(const std::string& user) {
  if (IsUtf8(user)) return;
  throw Error(ErrorCode::kInvalidArgument,
              "the id of the user is not valid UTF-8; convert it first: iconv -t UTF-8");
}

// A line of --input.
struct InputLine {
  std::string user;
  std::vector<std::string> items;
};

std::vector<InputLine> ReadLines(const RecommendArguments& arguments) {
  std::vector<InputLine> all;
  std::istringstream lines(ReadFile(arguments.input == "-" ? "/dev/stdin" : arguments.input));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    InputLine& read = all.emplace_back();
    std::istringstream fields(line);
    if (arguments.users_first) std::getline(fields, read.user, '\t');
    for (std::string text; std::getline(fields, text, '\t');) {
      if (!text.empty()) read.items.push_back(text);
    }
  }
  return all;
}

nlohmann::ordered_json ToJson(const RecommendAnswer& answer) {
  nlohmann::ordered_json items = nlohmann::ordered_json::array();
  for (const Recommendation& item : answer.items) {
    items.push_back({{"item", item.item}, {"title", item.title}, {"score", item.score}});
  }
  nlohmann::ordered_json shared = nlohmann::ordered_json::array();
  for (const SharedTitle& title : answer.shared_titles) {
    shared.push_back({{"title", title.title}, {"taken", title.taken}, {"others", title.others}});
  }
  return {{"region", Index(answer.region)},
          {"cosine", answer.cosine},
          {"margin", answer.margin},
          {"user", answer.user.empty() ? nlohmann::ordered_json(nullptr)
                                       : nlohmann::ordered_json(answer.user)},
          {"unknown", answer.unknown},
          {"shared_titles", shared},
          {"items", items}};
}

std::string ToText(const RecommendAnswer& answer) {
  std::string text = "region " + std::to_string(Index(answer.region)) + ", cosine " +
                     Fixed(answer.cosine, 3) + ", margin " + Fixed(answer.margin, 3) + "\n";
  Table table({"rank", "item", "score", "title"});
  for (std::size_t i = 0; i < answer.items.size(); ++i) {
    const Recommendation& item = answer.items[i];
    table.Add({std::to_string(i + 1), item.item, Fixed(item.score, 3), Shorten(item.title, 60)});
  }
  return text + table.ToText();
}

// What the user should know of an answer; `where` is "" or "line N: ".
void WriteNotes(const RecommendAnswer& answer, const std::string& where) {
  for (const std::string& name : answer.unknown) {
    Note("raie: note: " + where + "\"" + name +
         "\" is neither an id nor a title the model knows; left out");
  }
  for (const SharedTitle& shared : answer.shared_titles) {
    std::string ids;
    for (const std::string& id : shared.others) ids += (ids.empty() ? "" : ", ") + id;
    Note("raie: note: " + where + "\"" + shared.title + "\" is the title of item " + shared.taken +
         ", which was taken, and of " + ids + "; give an id to say which");
  }
}

// Says so if the model would have read who asks and was not told, or not in its letters.
void NoteUser(const Invocation& invocation, const RecommendRequest& request,
              const RecommendAnswer& answer) {
  if (answer.user == request.user) return;
  if (answer.user.empty()) return;  // it reads no user
  invocation.note(request.user.empty()
                      ? "the prompt of this model names the user; it reads \"" + answer.user +
                            "\" where none is given (--user, --users-first)"
                      : "nothing of the id of user \"" + request.user +
                            "\" can be read by this model; it reads \"" + answer.user + "\"");
}

// Answers every line of --input, those that cannot be answered with an error.
int AnswerLines(const RecommendArguments& arguments, const Model& model, RecommendRequest request,
                const Invocation& invocation) {
  const bool json = invocation.json;
  int code = kExitOk;
  std::int64_t line = 0;
  for (const InputLine& read : ReadLines(arguments)) {
    ++line;
    const std::string where = "line " + std::to_string(line) + ": ";
    try {
      CheckUser(read.user);
      request.user = read.user;
      request.history = ParseHistory(model, read.items);
      const RecommendAnswer answer = model.Recommend(request);
      WriteNotes(answer, where);
      NoteUser(invocation, request, answer);
      Print(json ? ToJson(answer).dump() + "\n" : (line > 1 ? "\n" : "") + ToText(answer));
    } catch (const Error& error) {
      const bool of_the_line =
          error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kNotFound;
      if (!of_the_line) throw;
      code = kExitData;
      if (json) {
        Print(nlohmann::ordered_json{{"line", line}, {"error", error.what()}}.dump() + "\n");
      } else {
        Note("raie: " + arguments.input + ": " + where + error.what());
      }
    }
  }
  return code;
}

void CheckArguments(const RecommendArguments& arguments) {
  const bool has_history = !arguments.history.empty(), has_input = !arguments.input.empty();
  const bool has_user = !arguments.user.empty();
  if (has_history + has_input > 1 || (has_input && has_user) ||
      !(has_history || has_input || has_user)) {
    throw Error(ErrorCode::kInvalidArgument,
                "give one of --history ITEM... [--user ID], --user ID --data DIR, or --input FILE "
                "[--users-first]");
  }
  if (arguments.users_first && !has_input) {
    throw Error(ErrorCode::kInvalidArgument, "--users-first is about the lines of --input");
  }
  if (!arguments.data.empty() && (has_history || has_input)) {
    throw Error(ErrorCode::kInvalidArgument,
                "--data is where the history of --user is read; it is given by " +
                    std::string(has_history ? "--history" : "--input") + ": leave --data out");
  }
  if (arguments.exclude_seen && arguments.include_seen) {
    throw Error(ErrorCode::kInvalidArgument, "--exclude-seen and --include-seen contradict");
  }
}

int RunRecommend(const RecommendArguments& arguments, Invocation& invocation) {
  CheckArguments(arguments);
  RecommendRequest request;
  request.count = arguments.count;
  request.seen = arguments.exclude_seen   ? AnswerSeen::kExclude
                 : arguments.include_seen ? AnswerSeen::kAllow
                                          : AnswerSeen::kAsFitted;
  request.user = arguments.user;
  const Model model = Model::Load(arguments.model, static_cast<std::int32_t>(arguments.version));
  request.history = arguments.user.empty() || !arguments.history.empty()
                        ? ParseHistory(model, arguments.history)
                        : HistoryOfUser(arguments);
  if (model.summary().widens_bf16) invocation.note(kWidensBfloat16);
  if (!arguments.input.empty()) return AnswerLines(arguments, model, request, invocation);
  const RecommendAnswer answer = model.Recommend(request);
  WriteNotes(answer, "");
  NoteUser(invocation, request, answer);
  invocation.json ? PrintJson(ToJson(answer)) : Print(ToText(answer));
  return kExitOk;
}

}  // namespace

Command RecommendCommand() {
  return MakeCommand<RecommendArguments>(
      {.name = "recommend",
       .summary = "Recommends items for a history, a user, or a file of histories",
       .sections = {""},
       .required = {"model"}},
      RunRecommend);
}

}  // namespace raie::cli
