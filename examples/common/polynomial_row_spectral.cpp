#include "polynomial_row_impl.hpp"

namespace figures {

template PolynomialRow run_polynomial_row(const std::string&, const Linear&, const PolynomialSetting&, FigureReport&);
template PolynomialRow run_polynomial_row(const std::string&, const Polynomial<3, SpectralFeatures<Conservative>>&,
                                          const PolynomialSetting&, FigureReport&);
template PolynomialRow run_polynomial_row(const std::string&, const Polynomial<3, SpectralFeatures<Monomials>>&,
                                          const PolynomialSetting&, FigureReport&);

template AnyArchitecture<float> any_polynomial(const Polynomial<3, SpectralFeatures<Conservative>>&);

}  // namespace figures
