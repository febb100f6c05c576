#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <utility>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/core/random.hpp"

// Images that need no files: drawn faces, for pictures and smoke tests.

namespace diffarch {

namespace detail {

struct Colour {
  double red = 0.0, green = 0.0, blue = 0.0;  ///< in [0, 1]
};

[[nodiscard]] inline double lerp(double a, double b, double t) { return a + (b - a) * t; }
[[nodiscard]] inline Colour lerp(const Colour& a, const Colour& b, double t) {
  return {lerp(a.red, b.red, t), lerp(a.green, b.green, t), lerp(a.blue, b.blue, t)};
}
[[nodiscard]] inline Colour scaled(const Colour& colour, double factor) {
  return {colour.red * factor, colour.green * factor, colour.blue * factor};
}

/// Colour of a hue (turns), saturation and value.
[[nodiscard]] inline Colour from_hsv(double hue, double saturation, double value) {
  const auto channel = [&](double offset) {
    const double phase = std::abs(std::fmod(hue + offset, 1.0) * 6.0 - 3.0) - 1.0;
    return value * lerp(1.0, std::clamp(phase, 0.0, 1.0), saturation);
  };
  return {channel(1.0), channel(2.0 / 3.0), channel(1.0 / 3.0)};
}

/// Everything that tells one face from another; lengths in units of half the shorter image side, y downwards.
struct FaceParameters {
  FaceParameters(const CounterRandom& random, Index sample) {
    Index element = 0;
    const auto uniform = [&](double low, double high) { return lerp(low, high, random.uniform(sample, element++)); };
    const double hue = uniform(0.0, 1.0);
    background_top = from_hsv(hue, uniform(0.10, 0.45), uniform(0.55, 0.95));
    background_bottom = scaled(from_hsv(hue + uniform(0.0, 0.12), 0.35, 0.75), uniform(0.5, 0.9));
    const double tone = uniform(0.0, 1.0);
    skin = lerp(Colour{0.97, 0.80, 0.69}, Colour{0.47, 0.29, 0.20}, tone * tone);
    const double hair_tone = uniform(0.0, 1.0);
    hair = hair_tone < 0.5 ? lerp(Colour{0.10, 0.07, 0.06}, Colour{0.36, 0.21, 0.12}, 2.0 * hair_tone)
                           : lerp(Colour{0.36, 0.21, 0.12}, Colour{0.85, 0.66, 0.38}, 2.0 * hair_tone - 1.0);
    iris = lerp(Colour{0.28, 0.17, 0.09}, Colour{0.30, 0.50, 0.62}, uniform(0.0, 1.0));
    lips = lerp(scaled(skin, 0.72), Colour{0.72, 0.20, 0.24}, uniform(0.2, 0.8));
    shirt = from_hsv(uniform(0.0, 1.0), uniform(0.2, 0.7), uniform(0.3, 0.9));
    light = uniform(-0.7, 0.7);
    centre_x = uniform(-0.08, 0.08);
    centre_y = uniform(-0.10, 0.02);
    tilt = uniform(-0.14, 0.14);
    width = uniform(0.43, 0.51);
    height = uniform(0.58, 0.66);
    jaw = uniform(0.10, 0.30);
    hair_volume = uniform(0.08, 0.22);
    hair_length = uniform(-0.35, 0.75);
    hairline = uniform(0.52, 0.70);
    parting = uniform(-0.30, 0.30);
    eye_spacing = uniform(0.38, 0.46);
    eye_width = uniform(0.090, 0.120);
    eye_opening = uniform(0.50, 0.75);
    gaze = uniform(-0.30, 0.30);
    brow_lift = uniform(0.15, 0.21);
    brow_slope = uniform(-0.25, 0.25);
    brow_thickness = uniform(0.018, 0.038);
    nose_length = uniform(0.26, 0.36);
    mouth_width = uniform(0.15, 0.23);
    smile = uniform(-0.03, 0.09);
    mouth_opening = std::max(0.0, uniform(-0.06, 0.06));
    lip_thickness = uniform(0.030, 0.050);
    blush = uniform(0.0, 0.35);
    glasses = uniform(0.0, 1.0) < 0.2;
  }

  Colour background_top, background_bottom, skin, hair, iris, lips, shirt;
  double light = 0, centre_x = 0, centre_y = 0, tilt = 0, width = 0, height = 0, jaw = 0;
  double hair_volume = 0, hair_length = 0, hairline = 0, parting = 0;
  double eye_spacing = 0, eye_width = 0, eye_opening = 0, gaze = 0;
  double brow_lift = 0, brow_slope = 0, brow_thickness = 0, nose_length = 0;
  double mouth_width = 0, smile = 0, mouth_opening = 0, lip_thickness = 0, blush = 0;
  bool glasses = false;
};

/// Draws one face point by point, from the background forward. Edges are blurred over `pixel`, so that neighbouring
/// parameters give neighbouring images.
class FacePainter {
 public:
  FacePainter(const FaceParameters& face, double pixel)
      : face_(face), pixel_(pixel), cos_(std::cos(face.tilt)), sin_(std::sin(face.tilt)) {}

  /// Colour at (x, y): the shorter image side spans [-1, 1], y downwards.
  [[nodiscard]] Colour at(double x, double y) const {
    const double dx = x - face_.centre_x;
    const double dy = y - face_.centre_y;
    const double u = cos_ * dx + sin_ * dy;  // coordinates that tilt with the head
    const double v = cos_ * dy - sin_ * dx;

    Colour colour = lerp(face_.background_top, face_.background_bottom, smooth(-1.0, 1.0, y + 0.2 * x));
    over(colour, hair_colour(u, v, 0.75), hair_behind(u, v));
    body(colour, dx, y);
    head(colour, u, v);
    nose(colour, u, v);
    mouth(colour, u, v);
    for (const double side : {-1.0, 1.0}) eye(colour, u, v, side);
    if (face_.glasses) glasses(colour, u, v);
    over(colour, hair_colour(u, v, 1.0), hair_in_front(u, v));
    return colour;
  }

 private:
  [[nodiscard]] static double smooth(double low, double high, double value) {
    const double t = std::clamp((value - low) / (high - low), 0.0, 1.0);
    return t * t * (3.0 - 2.0 * t);
  }
  [[nodiscard]] static double bump(double x, double y, double radius_x, double radius_y) {
    const double exponent = 0.5 * (x * x / (radius_x * radius_x) + y * y / (radius_y * radius_y));
    return exponent < 15.0 ? std::exp(-exponent) : 0.0;
  }
  static void over(Colour& colour, const Colour& paint, double coverage) { colour = lerp(colour, paint, coverage); }

  /// Part of the pixel inside a shape whose edge is `distance` away (negative inside), its edge blurred by `softness`.
  [[nodiscard]] double coverage(double distance, double softness = 0.0) const {
    const double width = std::max(pixel_, softness);
    return smooth(-0.5, 0.5, -distance / width);
  }
  /// First-order distance to an axis-parallel ellipse about the origin.
  [[nodiscard]] static double ellipse(double x, double y, double radius_x, double radius_y) {
    const double scaled_x = x / radius_x;
    const double scaled_y = y / radius_y;
    const double level = std::sqrt(scaled_x * scaled_x + scaled_y * scaled_y);
    const double slope_x = scaled_x / radius_x;
    const double slope_y = scaled_y / radius_y;
    const double gradient = std::sqrt(slope_x * slope_x + slope_y * slope_y);
    return gradient < 1e-9 ? -std::min(radius_x, radius_y) : level * (level - 1.0) / gradient;
  }

  [[nodiscard]] double eye_y() const { return -0.04; }

  [[nodiscard]] Colour skin(double u, double v) const {
    const double nx = std::clamp(u / face_.width, -1.0, 1.0);
    const double ny = std::clamp(v / face_.height, -1.0, 1.0);
    const double nz = std::sqrt(std::max(0.0, 1.0 - 0.8 * (nx * nx + ny * ny)));
    const double lambert = 0.55 * nz + 0.35 * face_.light * nx - 0.18 * ny;
    return scaled(face_.skin, std::clamp(0.60 + 0.62 * lambert, 0.35, 1.12));
  }

  [[nodiscard]] Colour hair_colour(double u, double v, double brightness) const {
    const double shine = bump(u - 0.35 * face_.light, v + 0.62 * face_.height, 0.30, 0.16);
    return lerp(scaled(face_.hair, brightness), Colour{1.0, 0.95, 0.85}, 0.18 * shine * brightness);
  }

  [[nodiscard]] double hair_cap(double u, double v) const {
    return ellipse(u, v + 0.08, face_.width + face_.hair_volume, face_.height + 0.8 * face_.hair_volume);
  }

  [[nodiscard]] double hair_behind(double u, double v) const {
    const double cap = coverage(hair_cap(u, v)) * (1.0 - smooth(0.0, 0.45, v - 0.4 * face_.hair_length - 0.05));
    if (face_.hair_length <= 0.0) return cap;
    const double fall = coverage(ellipse(u, v - 0.5 * face_.hair_length, face_.width + 0.9 * face_.hair_volume,
                                         face_.height + 0.55 * face_.hair_length),
                                 0.05);
    return std::max(cap, fall * smooth(0.0, 0.15, face_.hair_length));
  }

  [[nodiscard]] double hair_in_front(double u, double v) const {
    // A window for the face is cut out of the cap: its top is the hairline, its shift the parting.
    const double shift = face_.parting * smooth(0.1, -0.5, v);
    const double window = ellipse(u - shift, v - 0.22, 0.97 * face_.width, face_.hairline * face_.height + 0.30);
    const double sides = 1.0 - smooth(-0.15, 0.25, v - 0.5 * std::max(face_.hair_length, -0.1));
    return coverage(hair_cap(u, v)) * (1.0 - coverage(window, 0.05)) * sides;
  }

  void body(Colour& colour, double dx, double y) const {
    if (y < face_.centre_y - 0.1) return;
    const double chin = face_.centre_y + face_.height;
    const double shade = 0.82 + 0.25 * face_.light * dx;
    const double neck_width = 0.44 * face_.width + 0.10 * smooth(chin - 0.1, chin + 0.35, y);
    const double neck = std::max(std::abs(dx) - neck_width, face_.centre_y - y);
    const double shadow_of_head = 0.30 * (1.0 - smooth(0.0, 0.22, y - chin + 0.06));
    over(colour, scaled(face_.skin, 0.80 * (shade + 0.1) - shadow_of_head * 0.6), coverage(neck, 0.03));
    const double shoulders = std::max(ellipse(dx, y - 1.30, 0.88, 0.56), -ellipse(dx, y - 0.62, 0.30, 0.24));
    over(colour, scaled(face_.shirt, shade + 0.10 * (1.0 - y)), coverage(shoulders, 0.02));
  }

  void head(Colour& colour, double u, double v) const {
    if (std::abs(u) > face_.width + 0.2 || std::abs(v) > face_.height + 0.1) return;
    for (const double side : {-1.0, 1.0}) {
      const double ear = ellipse(u - side * face_.width * 0.99, v - 0.04, 0.065, 0.12);
      over(colour, scaled(skin(u, v), 0.86), coverage(ear));
      over(colour, scaled(skin(u, v), 0.68), 0.7 * coverage(ear + 0.035, 0.03));
    }
    const double lower = std::clamp(v / face_.height, 0.0, 1.0);
    const double taper = 1.0 - face_.jaw * lower * lower;
    const double outline = ellipse(u / taper, v, face_.width, face_.height);
    Colour flesh = skin(u / taper, v);
    for (const double side : {-1.0, 1.0}) {
      const double cheek = bump(u - side * 0.55 * face_.width, v - 0.19, 0.10, 0.08);
      over(flesh, Colour{0.88 * flesh.red + 0.10, 0.45 * flesh.green + 0.08, 0.45 * flesh.blue + 0.10},
           face_.blush * cheek);
      const double socket = bump(u - side * face_.eye_spacing * 0.5, v - eye_y() + 0.02, 0.11, 0.075);
      over(flesh, scaled(flesh, 0.72), 0.55 * socket);
    }
    over(flesh, scaled(flesh, 0.80), 0.6 * bump(u, v - 0.80 * face_.height, 0.10, 0.03));  // under the lower lip
    over(colour, flesh, coverage(outline));
  }

  void nose(Colour& colour, double u, double v) const {
    if (std::abs(u) > 0.4 || std::abs(v) > 0.6) return;
    const double tip = eye_y() + face_.nose_length;
    const double along = smooth(eye_y() - 0.08, tip - 0.02, v) * (1.0 - smooth(tip - 0.02, tip + 0.05, v));
    const double half_width = 0.035 + 0.035 * along;
    const double dark_side = face_.light >= 0.0 ? -1.0 : 1.0;
    over(colour, scaled(colour, 0.72), 0.55 * along * bump(u - dark_side * half_width, 0.0, 0.028, 1.0));
    over(colour, lerp(colour, Colour{1.0, 0.97, 0.92}, 0.5),
         0.40 * along * bump(u + 0.2 * dark_side * half_width, 0.0, 0.022, 1.0));
    over(colour, scaled(colour, 0.60), 0.65 * bump(u, v - tip - 0.030, 0.065, 0.018));
    for (const double side : {-1.0, 1.0})
      over(colour, scaled(face_.skin, 0.38),
           0.8 * coverage(ellipse(u - side * 0.038, v - tip - 0.018, 0.020, 0.012), 0.02));
  }

  void mouth(Colour& colour, double u, double v) const {
    const double centre = eye_y() + face_.nose_length + 0.155;
    const double across = u / face_.mouth_width;
    const double inside = 1.0 - across * across;
    if (inside <= -0.6) return;
    const double line = centre + face_.smile * (inside - 0.5);
    const double taper = std::sqrt(std::max(inside, 0.0));
    const double opening = face_.mouth_opening * taper;
    const double upper = line - opening - 0.75 * face_.lip_thickness * taper * (1.0 - 0.25 * bump(u, 0.0, 0.025, 1.0));
    const double lower = line + opening + 1.15 * face_.lip_thickness * taper;
    const double lip = std::max({upper - v, v - lower, (std::abs(across) - 1.0) * face_.mouth_width});
    over(colour, scaled(face_.lips, v < line ? 0.86 : 1.04), coverage(lip, 0.02));
    const double gap =
        std::max(std::abs(v - line) - opening - 0.004 * taper, (std::abs(across) - 1.0) * face_.mouth_width);
    over(colour, Colour{0.20, 0.07, 0.07}, coverage(gap, 0.015) * (opening > 0.0 ? 1.0 : 0.8));
    const double teeth = std::max(
        {line - opening + 0.004 - v, v - (line - 0.1 * opening), (std::abs(across) - 0.8) * face_.mouth_width});
    over(colour, Colour{0.93, 0.91, 0.87}, coverage(teeth, 0.015) * smooth(0.010, 0.025, opening));
  }

  void eye(Colour& colour, double u, double v, double side) const {
    const double x = u - side * 0.5 * face_.eye_spacing;
    const double y = v - eye_y();
    if (std::abs(x) > 2.0 * face_.eye_width || std::abs(y) > 0.4) return;  // beyond the brow
    const double half_height = face_.eye_width * face_.eye_opening;
    const double white = coverage(ellipse(x, y, face_.eye_width, half_height));
    const double lid = coverage(ellipse(x, y + 0.016, face_.eye_width + 0.012, half_height + 0.006));
    over(colour, lerp(scaled(face_.skin, 0.30), Colour{0.08, 0.05, 0.05}, 0.6), lid);
    over(colour, Colour{0.95, 0.94, 0.93}, white);
    const double ix = x - face_.gaze * 0.35 * face_.eye_width;
    const double iris_radius = 0.58 * face_.eye_width;
    over(colour, face_.iris, white * coverage(ellipse(ix, y, iris_radius, iris_radius)));
    over(colour, Colour{0.04, 0.03, 0.03}, white * coverage(ellipse(ix, y, 0.5 * iris_radius, 0.5 * iris_radius)));
    over(colour, Colour{1.0, 1.0, 1.0}, 0.9 * white * coverage(ellipse(ix + 0.02, y + 0.02, 0.018, 0.018), 0.012));

    const double outwards = side * x;
    const double span = std::abs(outwards - 0.01) / (1.35 * face_.eye_width);
    const double arch =
        -face_.brow_lift + 0.9 * outwards * outwards / face_.eye_width * 0.25 - face_.brow_slope * outwards * 0.5;
    const double thickness = face_.brow_thickness * std::max(0.0, 1.0 - 0.6 * span);
    const double brow = std::max(std::abs(y - arch) - thickness, (span - 1.0) * face_.eye_width);
    over(colour, scaled(face_.hair, 0.8), 0.85 * coverage(brow, 0.02));
  }

  void glasses(Colour& colour, double u, double v) const {
    const Colour frame{0.10, 0.09, 0.10};
    const double radius_x = 0.5 * face_.eye_spacing - 0.025;
    constexpr double radius_y = 0.135;
    constexpr double rim = 0.012;
    const double y = v - eye_y() - 0.015;
    for (const double side : {-1.0, 1.0}) {
      const double glass = ellipse(u - side * 0.5 * face_.eye_spacing, y, radius_x, radius_y);
      over(colour, Colour{1.0, 1.0, 1.0}, 0.08 * coverage(glass));
      over(colour, frame, coverage(std::abs(glass) - rim));
      const double bar = std::max(std::abs(y + 0.03) - 0.010,
                                  std::max(0.5 * face_.eye_spacing + radius_x - side * u, side * u - face_.width));
      over(colour, frame, coverage(bar));
    }
    over(colour, frame, coverage(std::max(std::abs(y + 0.02) - 0.010, std::abs(u) - 0.03)));
  }

  const FaceParameters& face_;
  double pixel_;
  double cos_;
  double sin_;
};

}  // namespace detail

/// n drawn faces, shape (shape.size(), n), values in [-1, 1]: smooth in about forty random parameters (pose, light,
/// colours, hair, features), one in five with glasses. With one channel the luma of the picture (ITU-R BT.601 weights).
/// Sample i depends on the seed and i only.
/// Throws InvalidArgument unless n >= 0, both sides are in [8, 4096] and there are 1 or 3 channels.
template <std::floating_point Scalar = float>
[[nodiscard]] Dataset<Scalar> synthetic_faces(Index n, const ImageShape& shape, Seed seed) {
  detail::require(n >= 0, "synthetic_faces: n = ", n, "; expected n >= 0");
  detail::require(shape.height >= 8 && shape.width >= 8 && shape.height <= 4096 && shape.width <= 4096 &&
                      (shape.channels == 1 || shape.channels == 3),
                  "synthetic_faces: shape ", detail::shape_text(shape),
                  "; expected sides in [8, 4096] and 1 or 3 channels");
  const CounterRandom random(seed, streams::data);
  const double half_side = 0.5 * static_cast<double>(std::min(shape.height, shape.width));
  detail::require_memory<Scalar>(shape.size(), n, "synthetic images");
  Batch<Scalar> samples(shape.size(), n);
  parallel_for(n, 16 * shape.size(), [&](Index sample) {
    const detail::FaceParameters face(random, sample);
    const detail::FacePainter painter(face, 0.5 / half_side);
    const auto value = [](double level) { return static_cast<Scalar>(2.0 * level - 1.0); };
    for (Index row = 0; row < shape.height; ++row) {
      for (Index column = 0; column < shape.width; ++column) {
        detail::Colour mean;  // over 2 x 2 points of the pixel
        for (const double dy : {0.25, 0.75}) {
          for (const double dx : {0.25, 0.75}) {
            const double x = (static_cast<double>(column) + dx - 0.5 * static_cast<double>(shape.width)) / half_side;
            const double y = (static_cast<double>(row) + dy - 0.5 * static_cast<double>(shape.height)) / half_side;
            const detail::Colour colour = painter.at(x, y);
            mean.red += 0.25 * std::clamp(colour.red, 0.0, 1.0);
            mean.green += 0.25 * std::clamp(colour.green, 0.0, 1.0);
            mean.blue += 0.25 * std::clamp(colour.blue, 0.0, 1.0);
          }
        }
        Scalar* pixel = &samples(shape.index(row, column), sample);
        if (shape.channels == 1) {
          pixel[0] = value(0.299 * mean.red + 0.587 * mean.green + 0.114 * mean.blue);
        } else {
          pixel[0] = value(mean.red);
          pixel[1] = value(mean.green);
          pixel[2] = value(mean.blue);
        }
      }
    }
  });
  return Dataset<Scalar>(std::move(samples), shape, "synthetic faces");
}

}  // namespace diffarch
