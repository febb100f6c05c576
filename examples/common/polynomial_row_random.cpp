#include "polynomial_row_impl.hpp"

namespace figures {

#define DIFFARCH_ROW(...)                                                                                     \
  template PolynomialRow run_polynomial_row(const std::string&, const __VA_ARGS__&, const PolynomialSetting&, \
                                            FigureReport&)
#define DIFFARCH_ROWS(Averaging)                           \
  DIFFARCH_ROW(Polynomial<3, RandomFeatures<Averaging>>);  \
  DIFFARCH_ROW(Polynomial<9, RandomFeatures<Averaging>>);  \
  DIFFARCH_ROW(Polynomial<27, RandomFeatures<Averaging>>); \
  DIFFARCH_ROW(PatchPolynomial<3, Averaging>)

DIFFARCH_ROWS(ExactAverage);
DIFFARCH_ROWS(SingleDraw);
DIFFARCH_ROWS(Legacy);

template AnyArchitecture<float> any_polynomial(const PatchPolynomial<3>&);

}  // namespace figures
