package io.github.lora4j.bench.peers;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.core.Linear;
import ai.djl.pytorch.jni.JniUtils;

/** DJL on libtorch, which calls MKL: the function behind its Linear block. Its API makes a new Y at every call; there is no other way. */
final class Djl implements Peer {

  private final Engine engine;

  Djl(int threads) {
    // Nothing is looked up on the network: natives come from the class path.
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
    System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
    engine = Engine.getEngine("PyTorch");
    JniUtils.setNumThreads(threads);
  }

  @Override
  public String name() {
    return "DJL " + Engine.getDjlVersion() + ", libtorch " + engine.getVersion();
  }

  @Override
  public String weight() {
    return "packed at each call";
  }

  @Override
  public int threads() {
    return JniUtils.getNumThreads();
  }

  @Override
  public Product product(int m, int n, int k, float[] x, float[] w) {
    NDManager manager = engine.newBaseManager(Device.cpu());
    NDArray input = manager.create(x, new Shape(m, k));
    NDArray weight = manager.create(w, new Shape(n, k));
    return new Product() {
      private NDArray output;

      @Override
      public void run() {
        if (output != null) {
          output.close();
        }
        output = Linear.linear(input, weight).singletonOrThrow();
      }

      @Override
      public float[] result() {
        return output.toFloatArray();
      }

      @Override
      public void close() {
        manager.close();
      }
    };
  }
}
