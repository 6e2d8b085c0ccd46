// Recommends for a history given on the command line:  recommend MODEL ITEM...
#include <cstdio>
#include <exception>

#include "raie/model.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: recommend MODEL ITEM...\n");
    return 2;
  }
  try {
    const raie::Model model = raie::Model::Load(argv[1]);
    raie::RecommendRequest request;
    for (int i = 2; i < argc; ++i) request.history.push_back({.item = argv[i]});
    const raie::RecommendAnswer answer = model.Recommend(request);
    std::printf("region %d, cosine %.3f\n", raie::Index(answer.region), answer.cosine);
    for (const raie::Recommendation& item : answer.items) {
      std::printf("%8.3f  %s  %s\n", item.score, item.item.c_str(), item.title.c_str());
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "recommend: %s\n", error.what());
    return 1;
  }
}
