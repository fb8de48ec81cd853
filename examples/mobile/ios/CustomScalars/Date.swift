// Takes the place of Generated/Schema/CustomScalars/Date.swift, which is generated once only.
import ApolloAPI
import Foundation

extension Courselens {
  /// A day without a time zone, `2026-11-23`. In this namespace it hides `Foundation.Date`.
  struct Date: CustomScalarType, Hashable {
    let text: String

    init(_jsonValue value: JSONValue) throws {
      guard let text = value as? String else {
        throw JSONDecodingError.couldNotConvert(value: value, to: String.self)
      }
      self.text = text
    }

    var _jsonValue: JSONValue { text }

    /// Year, month and day: no instant, which would be another day elsewhere.
    var components: DateComponents? {
      let parts = text.split(separator: "-").compactMap { Int($0) }
      guard parts.count == 3 else { return nil }
      return DateComponents(year: parts[0], month: parts[1], day: parts[2])
    }
  }
}
