#include "polynomial_row_impl.hpp"

namespace figures {

template PolynomialRow run_polynomial_row(const std::string&, const Polynomial<3, RandomFeatures<SingleDraw>>&,
                                          const PolynomialSetting&, FigureReport&);
template PolynomialRow run_polynomial_row(const std::string&, const Polynomial<9, RandomFeatures<SingleDraw>>&,
                                          const PolynomialSetting&, FigureReport&);
template PolynomialRow run_polynomial_row(const std::string&, const Polynomial<27, RandomFeatures<SingleDraw>>&,
                                          const PolynomialSetting&, FigureReport&);
template PolynomialRow run_polynomial_row(const std::string&, const PatchPolynomial<3, SingleDraw>&,
                                          const PolynomialSetting&, FigureReport&);

}  // namespace figures
