package io.github.lora4j.golden;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.testkit.backend.DeviceBackendTest;
import io.github.lora4j.tornado.OtherBackendTest;
import java.io.PrintWriter;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

/** Everything that has to hold on a device, for a machine with neither Maven nor sources; the argument names the backend. */
public final class DeviceSuite {

  private DeviceSuite() {}

  /** Exit code 1 if a test fails. */
  public static void main(String[] args) {
    System.setProperty("gpu.backend", args[0]);
    System.setProperty("require.gpu", "true");
    System.setProperty("only.gpu", "true");
    try (Backend backend = Backend.open(args[0], 2)) {
      System.out.println(backend.describe());
    }
    SummaryGeneratingListener summary = new SummaryGeneratingListener();
    LauncherFactory.create().execute(LauncherDiscoveryRequestBuilder.request().selectors(selectClass(DeviceBackendTest.class),
        selectClass(GoldenOptimTest.class), selectClass(GoldenAdaLoraTest.class), selectClass(GoldenFeaturesTest.class),
        selectClass(GoldenModelsTest.class), selectClass(OtherBackendTest.class)).build(), summary);
    summary.getSummary().printFailuresTo(new PrintWriter(System.out, true), 5);
    summary.getSummary().printTo(new PrintWriter(System.out, true));
    System.exit(summary.getSummary().getTotalFailureCount() == 0 ? 0 : 1);
  }
}
