package io.github.lora4j.testkit.reach;

import java.lang.classfile.ClassModel;
import java.lang.classfile.Instruction;
import java.lang.classfile.instruction.ArrayStoreInstruction;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.NewReferenceArrayInstruction;
import java.lang.classfile.instruction.StackInstruction;
import java.util.ArrayList;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What classes ask of the JVM by name or by shape: functions of C, resources, bundles, and members found at run time. */
final class Uses {

  private static final Map<String, String> LAYOUTS = Map.of("JAVA_INT", "int", "JAVA_LONG", "long", "JAVA_FLOAT", "float", "JAVA_DOUBLE",
      "double", "JAVA_BYTE", "byte", "JAVA_SHORT", "short", "JAVA_CHAR", "char", "JAVA_BOOLEAN", "boolean", "ADDRESS", "void*");
  /** Calls of java.lang.Class and others that find by name what no code names, so that an image would leave it out. */
  private static final Map<String, Set<String>> FINDERS = Map.of(
      "java/lang/Class", Set.of("forName", "getMethod", "getMethods", "getDeclaredMethod", "getDeclaredMethods", "getConstructor", "getConstructors",
          "getDeclaredConstructor", "getDeclaredConstructors", "getField", "getFields", "getDeclaredField", "getDeclaredFields",
          "getRecordComponents", "newInstance"),
      "java/lang/ClassLoader", Set.of("loadClass", "findClass"),
      "java/lang/reflect/Proxy", Set.of("newProxyInstance"),
      "java/lang/invoke/MethodHandles$Lookup", Set.of("findStatic", "findVirtual", "findConstructor", "findSpecial", "findVarHandle", "findGetter",
          "findSetter", "findClass", "findStaticVarHandle", "unreflect"),
      "java/io/ObjectInputStream", Set.of("readObject"));

  /** Each function's result, then its parameters. */
  final Map<String, List<String>> downcalls = new TreeMap<>();
  final Map<String, List<String>> upcalls = new TreeMap<>();
  final Set<String> bundles = new TreeSet<>();
  /** Constant names of resources, from the root of the class path. */
  final Set<String> resources = new TreeSet<>();
  /** Classes that find members by name. */
  final Set<String> finders = new TreeSet<>();
  /** What cannot be read from the code. */
  final List<String> problems = new ArrayList<>();

  /** Reads a class. */
  void read(ClassModel type, List<Code> methods) {
    String name = type.thisClass().asInternalName().replace('/', '.');
    List<List<String>> functions = new ArrayList<>();
    Set<String> links = new TreeSet<>();
    for (Code code : methods) {
      for (int i = 0; i < code.instructions().size(); i++) {
        if (!(code.instructions().get(i) instanceof InvokeInstruction call)) {
          continue;
        }
        String owner = call.owner().asInternalName();
        String method = call.name().stringValue();
        if (owner.equals("java/lang/foreign/FunctionDescriptor") && method.startsWith("of")) {
          function(code, i - 1, method.equals("ofVoid")).ifPresentOrElse(functions::add, () -> problems.add(code.place()
              + ": a FunctionDescriptor of other than constants of ValueLayout; write it with those, or teach this test to read it"));
        } else if (owner.equals("java/lang/foreign/Linker") && Set.of("downcallHandle", "upcallStub").contains(method)) {
          links.add(method);
        } else if (owner.startsWith("java/lang/foreign/Linker$Option")) {
          problems.add(code.place() + ": a Linker.Option belongs into the metadata; teach this test to read it");
        } else if (method.startsWith("getResource") && (owner.equals("java/lang/Class") || owner.equals("java/lang/ClassLoader"))) {
          code.constantText(i - 1).ifPresent(resource -> resources.add(absolute(name, resource)));
        } else if (owner.equals("java/util/ResourceBundle") && method.equals("getBundle")) {
          bundle(code, i).ifPresentOrElse(bundles::add, () -> problems.add(code.place() + ": the bundle's name is no constant"));
        } else if (FINDERS.getOrDefault(owner, Set.of()).contains(method)) {
          finders.add(name);
        }
      }
    }
    if (links.size() > 1 || functions.isEmpty() != links.isEmpty()) {
      problems.add(name + ": its functions' descriptors and the linker's calls must be in one class, and either down or up");
    }
    functions.forEach(function -> (links.contains("upcallStub") ? upcalls : downcalls).put(function.toString(), function));
  }

  private static String absolute(String type, String resource) {
    return resource.startsWith("/") ? resource.substring(1) : type.substring(0, type.lastIndexOf('.') + 1).replace('.', '/') + resource;
  }

  /** The nearest text before a call of getBundle, whose name comes first. */
  private static Optional<String> bundle(Code code, int call) {
    for (int i = call - 1; i >= 0 && i >= call - 3; i--) {
      Optional<String> text = code.constantText(i);
      if (text.isPresent()) {
        return text;
      }
    }
    return Optional.empty();
  }

  /** The descriptor that a call makes whose last argument is pushed here: an array of layouts and, but for void, a layout before it. */
  private static Optional<List<String>> function(Code code, int last, boolean ofVoid) {
    List<String> types = new LinkedList<>();
    int at = last;
    while (at >= 0 && !(code.instructions().get(at) instanceof NewReferenceArrayInstruction)) {
      Instruction instruction = code.instructions().get(at--);
      if (layout(instruction).isPresent()) {
        types.addFirst(layout(instruction).get());
      } else if (!(instruction instanceof ArrayStoreInstruction || instruction instanceof StackInstruction
          || instruction instanceof ConstantInstruction)) {
        return Optional.empty();
      }
    }
    if (at < 2 && !ofVoid || at < 1 || !(code.instructions().get(at - 1) instanceof ConstantInstruction size)
        || !Integer.valueOf(types.size()).equals(size.constantValue())) {
      return Optional.empty();
    }
    Optional<String> result = ofVoid ? Optional.of("void") : layout(code.instructions().get(at - 2));
    result.ifPresent(types::addFirst);
    return result.map(found -> List.copyOf(types));
  }

  private static Optional<String> layout(Instruction instruction) {
    return instruction instanceof FieldInstruction field && field.owner().asInternalName().equals("java/lang/foreign/ValueLayout")
        ? Optional.ofNullable(LAYOUTS.get(field.name().stringValue())) : Optional.empty();
  }
}
