package io.github.lora4j.tornado;

import java.util.List;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;

/**
 * Has TornadoVM compile every kernel by itself, on no rows, so that with {@code -Dtornado.printKernel=true} it prints all generated code;
 * on one of its virtual devices also where no GPU is. See {@code tornado-gpu/check-cuda}.
 */
public final class KernelListing {

  private KernelListing() {}

  /**
   * Compiles all kernels.
   *
   * @param args name of the backend
   */
  public static void main(String[] args) throws Exception {
    var device = Tornado.device(args[0], Tornado.ANY);
    for (Kernel kernel : Kernel.values()) {
      if (kernel.launch == null) {
        continue;
      }
      // Zeros everywhere: no rows, so nothing is read or written.
      Arenas arenas = new Arenas(List.of(new Arenas.Bank(64, 64)), 64, 64);
      Arenas.Bank bank = arenas.banks().getFirst();
      String name = "k" + kernel.ordinal();
      KernelContext context = new KernelContext();
      TaskGraph graph = new TaskGraph(name)
          .transferToDevice(DataTransferMode.EVERY_EXECUTION, bank.table(), arenas.ints(), arenas.memory(), bank.weights())
          .task("t", kernel.launch, context, arenas.ints(), bank.table(), arenas.ints(), arenas.ints(), arenas.memory(), bank.weights())
          .transferToHost(DataTransferMode.EVERY_EXECUTION, arenas.memory());
      WorkerGrid1D grid = new WorkerGrid1D(kernel.lanes);
      grid.setLocalWork(kernel.lanes, 1, 1);
      try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.snapshot())) {
        TornadoExecutionResult result = plan.withGridScheduler(new GridScheduler(name + ".t", grid)).withDevice(device).execute();
        if (result == null) {
          throw new IllegalStateException(kernel + " gave no result");
        }
      }
    }
  }
}
