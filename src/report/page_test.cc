#include "report/page.h"

#include <gtest/gtest.h>

#include "report/browser.h"

namespace raie {
namespace {

std::int64_t CountIn(const std::string& text, const std::string& what) {
  std::int64_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

ReportJson ReportWith(const std::string& text) {
  return {{"format", "raie-report"},
          {"title", text},
          {"subtitle", text},
          {"summary", {text}},
          {"sections", ReportJson::array()}};
}

TEST(PageTest, NothingInDataEndsItsElement) {
  const std::string title = "</script><script>alert(1)</script><!-- & \xE2\x80\xA8";
  const std::string json = ScriptJson(ReportWith(title));
  EXPECT_EQ(json.find('<'), std::string::npos);
  EXPECT_EQ(json.find('>'), std::string::npos);
  EXPECT_EQ(json.find("\xE2\x80\xA8"), std::string::npos);
  // What a browser reads is what was written.
  EXPECT_EQ(ReportJson::parse(json).at("title"), title);
}

TEST(PageTest, APageHasTheElementsOfItsTemplateAlone) {
  const std::string plain = ReportPage(ReportWith("plain"));
  const std::string evil = ReportPage(ReportWith("</script><script>alert(1)</script></title>"));
  for (const char* what : {"<script", "</script>", "<title>", "</title>"}) {
    EXPECT_EQ(CountIn(plain, what), CountIn(evil, what)) << what;
  }
  // Places of the template that stand in data stay text.
  const std::string places = ReportPage(ReportWith("<!--scripts--><!--data-->"));
  EXPECT_EQ(CountIn(places, "<script"), CountIn(plain, "<script"));
}

TEST(PageTest, BytesThatAreNoTextAreReplaced) {
  const std::string json = ScriptJson(ReportWith("a\xFFz"));
  EXPECT_EQ(ReportJson::parse(json).at("title"), "a\xEF\xBF\xBDz");
}

TEST(PageTest, APageNeedsNoNetwork) {
  const std::string page = ReportPage(ReportWith("x"));
  EXPECT_LT(page.size(), 500'000U);
  for (const char* what : {"src=\"http", "href=\"http", "url(http", "@import"}) {
    EXPECT_EQ(page.find(what), std::string::npos) << what;
  }
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(PageTest, TextIsEscapedForHtml) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
}

TEST(PageTest, Base64IsRead) {
  EXPECT_EQ(DecodeBase64("aGVsbG8="), "hello");
  EXPECT_EQ(DecodeBase64("/+8A"), std::string("\xFF\xEF\0", 3));
  EXPECT_EQ(DecodeBase64(""), "");
}

}  // namespace
}  // namespace raie
