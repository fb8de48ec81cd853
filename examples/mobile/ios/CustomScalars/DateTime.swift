// Takes the place of Generated/Schema/CustomScalars/DateTime.swift, which is generated once only.
import ApolloAPI
import Foundation

extension Courselens {
  /// An instant in UTC, `2026-11-23T08:30:00Z`, with up to six digits of a second where there are any.
  struct DateTime: CustomScalarType, Hashable {
    let text: String

    init(_jsonValue value: JSONValue) throws {
      guard let text = value as? String else {
        throw JSONDecodingError.couldNotConvert(value: value, to: String.self)
      }
      self.text = text
    }

    var _jsonValue: JSONValue { text }

    /// The instant, to the millisecond.
    var date: Foundation.Date? {
      let formatter = ISO8601DateFormatter()
      if text.contains(".") { formatter.formatOptions.insert(.withFractionalSeconds) }
      return formatter.date(from: text)
    }
  }
}
