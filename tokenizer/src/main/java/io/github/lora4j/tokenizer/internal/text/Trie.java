package io.github.lora4j.tokenizer.internal.text;

import java.util.Arrays;

/** A trie over code points with several roots, as one open-addressed table from (node, code point) to node. */
public final class Trie {

  private static final int CODE_POINT_BITS = 21;
  private static final long FREE = -1;

  private long[] keys = new long[1 << 10];
  private int[] children = new int[1 << 10];
  private int[] values = new int[256];
  private int nodes;
  private int edges;

  public Trie(int roots) {
    Arrays.fill(keys, FREE);
    for (int i = 0; i < roots; i++) {
      newNode();
    }
  }

  /** Puts a word below a root. */
  public void put(int root, int[] word, int value) {
    int node = root;
    for (int c : word) {
      int child = child(node, c);
      node = child < 0 ? addChild(node, c) : child;
    }
    values[node] = value;
  }

  /** The node reached by a code point, or -1. */
  public int child(int node, int c) {
    long key = (long) node << CODE_POINT_BITS | c;
    int mask = keys.length - 1;
    for (int i = slot(key, mask); ; i = i + 1 & mask) {
      if (keys[i] == key) {
        return children[i];
      }
      if (keys[i] == FREE) {
        return -1;
      }
    }
  }

  /** The value of the word that ends at a node, or -1. */
  public int value(int node) {
    return values[node];
  }

  private int addChild(int node, int c) {
    if (edges * 2 >= keys.length) {
      grow();
    }
    int child = newNode();
    insert((long) node << CODE_POINT_BITS | c, child);
    edges++;
    return child;
  }

  private int newNode() {
    if (nodes == values.length) {
      values = Arrays.copyOf(values, nodes * 2);
    }
    values[nodes] = -1;
    return nodes++;
  }

  private void insert(long key, int child) {
    int mask = keys.length - 1;
    int i = slot(key, mask);
    while (keys[i] != FREE) {
      i = i + 1 & mask;
    }
    keys[i] = key;
    children[i] = child;
  }

  private void grow() {
    long[] oldKeys = keys;
    int[] oldChildren = children;
    keys = new long[oldKeys.length * 2];
    children = new int[oldKeys.length * 2];
    Arrays.fill(keys, FREE);
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != FREE) {
        insert(oldKeys[i], oldChildren[i]);
      }
    }
  }

  private static int slot(long key, int mask) {
    long mixed = key * 0x9E3779B97F4A7C15L;
    return (int) (mixed >>> 32) & mask;
  }
}
