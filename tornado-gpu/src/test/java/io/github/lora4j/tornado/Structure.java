package io.github.lora4j.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Program;
import java.util.List;

/** What must hold of every lowered program, for TornadoVM not to fail at run time, or silently. */
final class Structure {

  /** TornadoVM's own limits: bytes of a graph's instructions, of a task and of an argument, and tasks. */
  private static final int BYTES = 8192;
  private static final int BYTES_OF_TASK = 15;
  private static final int BYTES_OF_ARGUMENT = 5;
  private static final int ARGUMENTS = 7;
  private static final int TASKS = 256;

  private Structure() {}

  static void check(TornadoGpu.Lowered lowered) {
    Arenas arenas = lowered.layout().build();
    int memory = (int) (arenas.memoryBytes().byteSize() / 4);
    for (Lowering.Chunk chunk : lowered.lowering().chunks()) {
      int tasks = chunk.steps().size() + lowered.layout().banks();
      assertTrue(tasks > 0 && tasks <= TASKS && tasks * (BYTES_OF_TASK + ARGUMENTS * BYTES_OF_ARGUMENT) <= BYTES, () -> "tasks of "
          + chunk);
      assertEquals(chunk, lowered.lowering().chunks().get(chunk.id()));
    }
    for (Program.Entry entry : lowered.program().entries().values()) {
      int tasks = 0;
      for (Lowering.Call call : lowered.lowering().entry(entry.name())) {
        assertEquals(call.chunk().steps(), call.tasks().stream().map(Lowering.Task::step).toList());
        for (int i = 0; i < call.tasks().size(); i++) {
          int[] fields = Descriptors.pack(call.tasks().get(i).descriptor());
          int at = call.at(i);
          Arenas.Bank bank = arenas.banks().get(call.tasks().get(i).step().bank());
          assertTrue(at + fields.length <= bank.tableBytes().byteSize() / 4, () -> "a descriptor of " + call.chunk() + " ends behind the table");
          for (int f = 0; f < fields.length; f++) {
            assertEquals(fields[f], bank.table().get(at + f));
          }
        }
        tasks += call.tasks().size();
      }
      assertEquals(tasks, lowered.lowering().ops(entry.name()).stream().flatMap(List::stream).mapToInt(call -> call.tasks().size()).sum(),
          "op by op the entry does the same");
    }
    long banks = arenas.banks().stream().mapToLong(bank -> bank.tableBytes().byteSize() + bank.weightsBytes().byteSize()).sum();
    long bytes = banks + 4L * memory + arenas.intsBytes().byteSize();
    long forecast = lowered.layout().allocations().stream().mapToLong(Backend.Allocation::bytes).sum();
    assertEquals(bytes, forecast, "the forecast names every byte");
  }
}
