import java.nio.file.Path;
import java.util.function.Consumer;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.HostAccess;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;

/**
 * Runs a script in JavaScript or Python that trains: Guest.java finetune.js MODEL DATA OUTPUT. The script sees lora4j's classes, and nothing else of Java, of
 * the files or of the machine.
 */
class Guest {

  public static void main(String[] arguments) throws Exception {
    Path script = Path.of(arguments[0]);
    String language = Source.findLanguage(script.toFile());
    HostAccess access = HostAccess.newBuilder().allowPublicAccess(true)
        .allowImplementations(io.github.lora4j.train.TrainListener.class).allowImplementations(Consumer.class)
        .allowListAccess(true).allowMapAccess(true).allowIterableAccess(true).allowIteratorAccess(true)
        .denyAccess(Class.class).denyAccess(ClassLoader.class).build();
    try (Context context = Context.newBuilder(language).allowHostAccess(access)
        .allowHostClassLookup(name -> name.startsWith("io.github.lora4j."))
        .option("engine.WarnInterpreterOnly", "false").build()) {
      context.getBindings(language).putMember("model_directory", arguments[1]);
      context.getBindings(language).putMember("data_file", arguments[2]);
      context.getBindings(language).putMember("output_directory", arguments[3]);
      context.eval(Source.newBuilder(language, script.toFile()).build());
    } catch (PolyglotException e) {
      System.err.println(e.getMessage());
      System.exit(1);
    }
  }
}
