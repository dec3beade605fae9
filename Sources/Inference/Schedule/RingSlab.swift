// SPDX-License-Identifier: Apache-2.0

/// Values in memory that is used again, each a member of one ring of its like: adding and removing take constant time
/// and, once the memory has grown to what is needed at a time, allocate nothing.
///
/// A ring is known by the index of any member; whoever owns it keeps that of its first.
struct RingSlab<Value> {
    typealias Index = Int32

    private struct Node {
        /// nil while the node is free.
        var value: Value?
        var next: Index
        var previous: Index
    }

    private var nodes: [Node] = []
    /// The first free node; the others follow by `next`, and the last is followed by itself.
    private var free: Index?

    /// Adds a value as the last of a ring.
    ///
    /// - Parameter first: the ring's first; nil makes a ring of its own.
    mutating func append(_ value: Value, toRingOf first: Index?) -> Index {
        let index = take(value)
        if let first {
            let last = nodes[Int(first)].previous
            nodes[Int(index)].next = first
            nodes[Int(index)].previous = last
            nodes[Int(last)].next = index
            nodes[Int(first)].previous = index
        }
        return index
    }

    private mutating func take(_ value: Value) -> Index {
        guard let index = free else {
            let index = Index(nodes.count)
            nodes.append(Node(value: value, next: index, previous: index))
            return index
        }
        let next = nodes[Int(index)].next
        free = next == index ? nil : next
        nodes[Int(index)] = Node(value: value, next: index, previous: index)
        return index
    }

    /// Removes a value from its ring.
    ///
    /// - Returns: the one that followed it; nil when it was alone.
    @discardableResult
    mutating func remove(_ index: Index) -> Index? {
        let node = nodes[Int(index)]
        nodes[Int(node.previous)].next = node.next
        nodes[Int(node.next)].previous = node.previous
        nodes[Int(index)] = Node(value: nil, next: free ?? index, previous: index)
        free = index
        return node.next == index ? nil : node.next
    }

    /// The one that follows in the ring; the first follows the last.
    func next(_ index: Index) -> Index { nodes[Int(index)].next }

    /// Whether there is a value at an index that may be old.
    func contains(_ index: Index) -> Bool { nodes.indices.contains(Int(index)) && nodes[Int(index)].value != nil }

    /// - Precondition: there is a value at the index.
    subscript(_ index: Index) -> Value {
        get {
            guard let value = nodes[Int(index)].value else { preconditionFailure("the node is free") }
            return value
        }
        _modify {
            guard nodes[Int(index)].value != nil else { preconditionFailure("the node is free") }
            // Not nil, as was looked at: in place, for a copy would be a second reference.
            yield &nodes[Int(index)].value!
        }
    }
}
