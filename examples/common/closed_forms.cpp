#include "closed_forms_impl.hpp"

namespace figures {

FIGURES_CLOSED_FORMS(Cpu);

}  // namespace figures
