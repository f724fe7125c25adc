package io.github.lora4j.tornado;

/** What runs lowered chunks on the {@link Arenas}, which are its host side. */
interface Device extends AutoCloseable {

  /** Runs the tasks of a chunk on the descriptors that start at its cursor. */
  void run(Lowering.Call call);

  /** The ints have changed. */
  void sendInts();

  /**
   * A range of a host array has changed.
   *
   * @param bank of a table or of weights; memory has none
   */
  void send(Arenas.Which which, int bank, int from, int count);

  /** Brings a range of memory up to date on the host. */
  void fetch(int from, int count);

  @Override
  void close();

  /** Makes a device for a lowered program. */
  interface Factory {
    Device open(Arenas arenas, Lowering lowering);
  }
}
